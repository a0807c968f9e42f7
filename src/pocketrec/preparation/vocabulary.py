"""The items of a log: their counts, and the index that each one gets."""

from __future__ import annotations

import polars as pl

from ..schema import Column

USERS = "users"
"""Column: the number of different users."""


def count_items(events: pl.DataFrame, *, once: bool = False) -> pl.DataFrame:
    """Count events and different users per item of one bucket: columns item, count, users (Int64).

    `once` says that no user has the same item twice, which saves most of the work.
    """
    count = pl.len().cast(pl.Int64)
    users = count if once else pl.col(Column.USER).n_unique().cast(pl.Int64)
    return events.group_by(Column.ITEM).agg(count.alias(Column.COUNT), users.alias(USERS))


def sum_counts(counts: pl.DataFrame) -> pl.DataFrame:
    """Add up the counts of several buckets, sorted by item, so that their order does not matter.

    Each user is in one bucket only, so numbers of users add up too.
    """
    return counts.group_by(Column.ITEM).agg(pl.col(Column.COUNT, USERS).sum()).sort(Column.ITEM)


def build_vocabulary(counts: pl.DataFrame) -> pl.DataFrame:
    """Number the items 1..V by descending count, ties by id: columns index, item, count.

    Index 0 is padding. Give counts of training events only: the order then reveals nothing about
    the test targets.
    """
    return counts.sort([Column.COUNT, Column.ITEM], descending=[True, False]).select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias(Column.INDEX),
        Column.ITEM,
        Column.COUNT,
    )
