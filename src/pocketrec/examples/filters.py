"""Which events count: repeated events, and users and items with too few of them."""

from __future__ import annotations

import polars as pl

from ..schema import Column


def keep_first(events: pl.DataFrame) -> pl.DataFrame:
    """Keep a user's first event with each item: no later event decides, so nothing leaks."""
    return events.sort(Column.TIME, Column.ORDER).unique(
        [Column.USER, Column.ITEM], keep="first", maintain_order=True
    )


def keep_items(events: pl.DataFrame, items: pl.Series, min_user_events: int) -> pl.DataFrame:
    """Keep events with `items`, then users who have at least `min_user_events` of those left."""
    return events.filter(pl.col(Column.ITEM).is_in(items.implode())).filter(
        pl.len().over(Column.USER) >= min_user_events
    )
