"""What of the log will be in a bundle that is made of prepared data, as a table of numbers."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..features.encoding import Categories
from ..schema import RESERVED, Column
from .features import Fitted
from .survey import Survey
from .vocabulary import USERS


def disclosure(
    kept: Survey, trained: pl.DataFrame, items: pl.DataFrame, fitted: list[Fitted]
) -> dict[str, Any]:
    """Say of users, items, attributes and features what ships, and how few users are behind it.

    `trained` counts training events (see `vocabulary.count_items`), `items` is the item table.
    A model is made of all training events, which no table shows; nor does this one tell of
    successors, which training counts.
    """
    shipped = kept.items.join(trained, on=Column.ITEM, how="semi")
    return {
        "users": {"learned_from": kept.users},
        "items": {
            "ids": items.height,
            "titles": items.height - untitled(items),
            "fewest_users": _fewest(shipped),
            "fewest_users_in_training": _fewest(trained),
        },
        "attributes": {
            name: values_of(items[name]) for name in items.columns if name not in RESERVED
        },
        "features": {fit.feature.input: _feature(fit) for fit in fitted},
    }


def untitled(items: pl.DataFrame) -> int:
    """How many items of a table have no title."""
    title = items[Column.TITLE].fill_null("")
    return int((title == "").sum())


def values_of(column: pl.Series) -> int:
    """Different values of an attribute, each of a list for itself."""
    if isinstance(column.dtype, pl.List):
        column = column.explode(empty_as_null=False)
    return column.drop_nulls().n_unique()


def _feature(fit: Fitted) -> dict[str, Any]:
    """A feature of time shows nothing of the log: its bins are the same for all."""
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
