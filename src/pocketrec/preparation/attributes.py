"""The attributes of the catalogue that a model reads, checked and encoded."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ..errors import ConfigError
from ..features.attributes import ItemAttributes, encode_attributes, fit_encoding
from ..features.encoding import FeatureKind
from ..schema import RESERVED


def read_attributes(
    catalogue: pl.DataFrame, kinds: Mapping[str, FeatureKind]
) -> ItemAttributes | None:
    """Encode the attributes that [features.item] names, for items in order of their index.

    Raises ConfigError for an attribute that the catalogue lacks, or whose values are of another
    kind.
    """
    if not kinds:
        return None
    known = [column for column in catalogue.columns if column not in RESERVED]
    for name, kind in kinds.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has no attributes"
            raise ConfigError(f"features.item.{name}: the catalogue has no such attribute; {has}")
        if kind == "number" and not catalogue[name].dtype.is_numeric():
            raise ConfigError(
                f'features.item.{name} = "number", but the catalogue holds text: use "category"'
            )
    values = {name: catalogue[name].to_list() for name in kinds}
    return encode_attributes(
        values, {name: fit_encoding(values[name], kind) for name, kind in kinds.items()}
    )
