"""Filters that drop events: repeated ones, and those of users and items with too few."""

from __future__ import annotations

import polars as pl

from ..schema import Column


def keep_first(events: pl.DataFrame) -> pl.DataFrame:
    """Keep each user's first event with each item; events are sorted by user and time.

    The choice does not depend on later events, so nothing leaks from the future.
    """
    return events.filter(_pair(events[Column.ITEM]).is_first_distinct())


def _pair(items: pl.Series) -> pl.Expr:
    """One value for each pair of user and item; events are sorted by user."""
    user = pl.col(Column.USER).rle_id().cast(pl.Int64)
    low, high = items.min(), items.max()
    if isinstance(low, int) and isinstance(high, int) and high - low < 2**31:
        # One number instead of two columns takes a third of the time.
        return user * 2**31 + (pl.col(Column.ITEM) - low)
    return pl.struct(user, Column.ITEM)


def keep_items(events: pl.DataFrame, items: pl.Series, min_user_events: int) -> pl.DataFrame:
    """Keep events of `items`, then users with at least `min_user_events` of the events left."""
    return events.filter(pl.col(Column.ITEM).is_in(items.implode())).filter(
        pl.len().over(Column.USER) >= min_user_events
    )
