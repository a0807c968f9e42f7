"""What a bundle made from prepared data will reveal of the log, as a table of numbers."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..features.encoding import Categories
from ..schema import RESERVED, Column
from .feature_fitting import FittedFeature
from .survey import Survey
from .vocabulary import USERS


def describe_disclosure(
    kept: Survey, trained: pl.DataFrame, items: pl.DataFrame, fitted: list[FittedFeature]
) -> dict[str, Any]:
    """Count what ships of users, items, attributes and features, and how few users are behind it.

    `trained` counts training events by item (see `vocabulary.count_items`); `items` is the item
    table. The table does not cover the model's weights, which all training events shape, nor its
    successor lists, which are counted in training (see `export.disclosure`).
    """
    shipped = kept.items.join(trained, on=Column.ITEM, how="semi")
    return {
        "users": {"learned_from": kept.users},
        "items": {
            "ids": items.height,
            "titles": items.height - count_untitled(items),
            "fewest_users": _fewest(shipped),
            "fewest_users_in_training": _fewest(trained),
        },
        "attributes": {
            name: count_values(items[name]) for name in items.columns if name not in RESERVED
        },
        "features": {fit.feature.input: _feature(fit) for fit in fitted},
    }


def count_untitled(items: pl.DataFrame) -> int:
    """Count the items of a table that have no title."""
    title = items[Column.TITLE].fill_null("")
    return int((title == "").sum())


def count_values(column: pl.Series) -> int:
    """Count the different values of an attribute; a cell with a list holds several."""
    if isinstance(column.dtype, pl.List):
        column = column.explode(empty_as_null=False)
    return column.drop_nulls().n_unique()


def _feature(fit: FittedFeature) -> dict[str, Any]:
    """What a feature reveals. Time features reveal nothing: they are the same for all logs."""
    encoding = fit.feature.encoding
    kind = "values" if isinstance(encoding, Categories) else "edges"
    shown = encoding.values if isinstance(encoding, Categories) else encoding.edges
    return {
        "kind": kind,
        "of_the_log": 0 if fit.feature.time else len(shown),
        "fewest_users": fit.fewest,
        "withheld": fit.withheld,
    }


def _fewest(items: pl.DataFrame) -> int:
    return int(items[USERS].min() or 0)  # type: ignore[arg-type]
