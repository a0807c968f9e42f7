"""Which events count: repeated events, and users and items with too few of them."""

from __future__ import annotations

import polars as pl

from ..schema import Column


def keep_first(events: pl.DataFrame) -> pl.DataFrame:
    """Keep, of events in order, a user's first with each item.

    No later event decides, so nothing leaks.
    """
    return events.filter(_pair(events[Column.ITEM]).is_first_distinct())


def _pair(items: pl.Series) -> pl.Expr:
    """A value for each user and item, of events in order."""
    user = pl.col(Column.USER).rle_id().cast(pl.Int64)
    low, high = items.min(), items.max()
    if isinstance(low, int) and isinstance(high, int) and high - low < 2**31:
        # One number in place of two columns takes a third of the time.
        return user * 2**31 + (pl.col(Column.ITEM) - low)
    return pl.struct(user, Column.ITEM)


def keep_items(events: pl.DataFrame, items: pl.Series, min_user_events: int) -> pl.DataFrame:
    """Keep events with `items`, then users who have at least `min_user_events` of those left."""
    return events.filter(pl.col(Column.ITEM).is_in(items.implode())).filter(
        pl.len().over(Column.USER) >= min_user_events
    )
