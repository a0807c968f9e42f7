"""The catalogue beside the log: how well they match, and the two joined."""

from __future__ import annotations

import polars as pl

from ..schema import Column
from .disclosure import count_untitled
from .survey import Survey


def count_matches(catalogue: pl.DataFrame, read: Survey, table: pl.DataFrame) -> dict[str, int]:
    """Count how many ids the catalogue and the log share, and items without a title."""
    ids, logged = (frame[Column.ITEM].cast(pl.String) for frame in (catalogue, read.items))
    items = table[Column.ITEM].cast(pl.String)
    return {
        "rows": catalogue.height,
        "never_met": catalogue.height - int(ids.is_in(logged.implode()).sum()),
        "known_items": int(items.is_in(ids.implode()).sum()),
        "untitled_items": count_untitled(table),
    }


def join_catalogue(items: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """Add titles and attributes to the vocabulary, and keep its order."""
    if catalogue is None:
        return items.with_columns(pl.lit(None, pl.String).alias(Column.TITLE))
    if catalogue[Column.ITEM].dtype != items[Column.ITEM].dtype:
        catalogue = catalogue.cast({Column.ITEM: pl.String})
        items = items.cast({Column.ITEM: pl.String})
    return items.join(catalogue, on=Column.ITEM, how="left", maintain_order="left")
