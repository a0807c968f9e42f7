"""Engines partition events into buckets of whole users, on one machine or on many.

An engine then applies pure functions to one bucket at a time. The results do not depend on the
engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import polars as pl

from ...ingest.parts import PartedTable
from .fold import FOLD_ROWS, Truncated

BLOCK_ROWS = 1_000_000
"""Rows of a part that are split into blocks by bucket at once."""

BucketFunction = Callable[[pl.DataFrame], pl.DataFrame]
JoinFunction = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Reduction:
    """A function from a bucket to a small table, and one that merges concatenated tables.

    Merging is associative and does not depend on the order of the buckets.
    """

    of_bucket: BucketFunction
    merge: BucketFunction

    def after(self, function: BucketFunction) -> Reduction:
        """Apply `function` to each bucket before reducing it; the bucket itself stays as it is."""
        return Reduction(partial(_after, function, self.of_bucket), self.merge)


def _after(first: BucketFunction, then: BucketFunction, rows: pl.DataFrame) -> pl.DataFrame:
    return then(first(rows))


@dataclass(frozen=True)
class Plan:
    """How to partition a log."""

    buckets: int
    max_user_events: int | None = None
    """Most events of a user: the oldest are dropped; None: all are kept."""
    select: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    """A pure function that selects rows and columns before the partition; None: all."""
    block_rows: int = BLOCK_ROWS
    fold_rows: int = FOLD_ROWS
    """Rows of a bucket to gather before looking for users with too many events."""

    def apply(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Select the rows and columns that go into buckets."""
        return rows if self.select is None else self.select(rows)


class Buckets(Protocol):
    """Rows in buckets; a bucket holds whole users and fits in memory."""

    truncated: Truncated
    """What `Plan.max_user_events` dropped; complete after the first `combine`."""

    def map(self, function: BucketFunction) -> None:
        """Apply a pure function to each bucket the next time it is read."""
        ...

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Apply a pure function to each bucket and to the bucket of `other` with the same users."""
        ...

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """Run all reductions in one pass, and keep the result of the maps before it."""
        ...

    def write(self, function: BucketFunction, folder: Path) -> None:
        """Write the function's result for each bucket as a shard; the buckets are then gone."""
        ...


class Engine(Protocol):
    """Turns a log into buckets."""

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """See `ingest.parallel.ParallelMap`."""
        ...

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> Buckets:
        """Bring each user's rows together in the bucket that the user's hash names."""
        ...


def shard_name(bucket: int) -> str:
    """The file name of a bucket."""
    return f"part-{bucket:05d}.parquet"
