"""Items and their counts: which items there are, and the index that each gets."""

from __future__ import annotations

import polars as pl

from ..schema import Column

USERS = "users"
"""How many different users something has."""


def count_items(events: pl.DataFrame, *, once: bool = False) -> pl.DataFrame:
    """Events and different users per item of one bucket: columns item, count, users (Int64).

    `once` says that no user has an item twice, which saves most of the work.
    """
    count = pl.len().cast(pl.Int64)
    users = count if once else pl.col(Column.USER).n_unique().cast(pl.Int64)
    return events.group_by(Column.ITEM).agg(count.alias(Column.COUNT), users.alias(USERS))


def sum_counts(counts: pl.DataFrame) -> pl.DataFrame:
    """Add the counts of several buckets, in an order that does not depend on theirs.

    A bucket has whole users, so users add up as events do.
    """
    return counts.group_by(Column.ITEM).agg(pl.col(Column.COUNT, USERS).sum()).sort(Column.ITEM)


def vocabulary(counts: pl.DataFrame) -> pl.DataFrame:
    """Number the items 1..V by descending count, ties by id: columns index, item, count.

    Index 0 is padding. The counts are those of training events: the order knows nothing of what
    is tested.
    """
    return counts.sort([Column.COUNT, Column.ITEM], descending=[True, False]).select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias(Column.INDEX),
        Column.ITEM,
        Column.COUNT,
    )
