"""How one user's events come together: the one thing that differs between machines.

An engine partitions events into buckets of whole users and then applies pure functions to one
bucket at a time. What the functions compute does not depend on the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import polars as pl

from ...ingest.parts import PartedTable
from .fold import Cut

BucketFunction = Callable[[pl.DataFrame], pl.DataFrame]
JoinFunction = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Reduction:
    """A small table of each bucket, and how the concatenated tables of some become one.

    Merging is associative, and what it gives does not depend on the order of the buckets.
    """

    of_bucket: BucketFunction
    merge: BucketFunction

    def after(self, function: BucketFunction) -> Reduction:
        """The same of what a function makes of each bucket, which is not kept."""
        return Reduction(partial(_after, function, self.of_bucket), self.merge)


def _after(first: BucketFunction, then: BucketFunction, rows: pl.DataFrame) -> pl.DataFrame:
    return then(first(rows))


@dataclass(frozen=True)
class Plan:
    """How a log is partitioned."""

    buckets: int
    newest: int | None = None
    """Most events of a user: older ones are left out; None: all are kept."""
    take: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    """A pure function: what is taken of the rows at all; None: all."""

    def taken(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows, or a part of them, as buckets get them."""
        return rows if self.take is None else self.take(rows)


class Buckets(Protocol):
    """Rows in buckets; a bucket holds whole users and fits in memory."""

    cut: Cut
    """What `Plan.newest` left out; known once the buckets were reduced."""

    def map(self, function: BucketFunction) -> None:
        """Apply a pure function to each bucket, when next it is read."""
        ...

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Apply a pure function to each bucket and the one of `other` with the same users."""
        ...

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """Reduce all buckets, in one pass; what was mapped before is kept."""
        ...

    def write(self, function: BucketFunction, folder: Path) -> None:
        """Write what a function makes of each bucket as Parquet shards, and end the buckets."""
        ...


class Engine(Protocol):
    """Makes buckets of a log."""

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """See `ingest.parallel.ParallelMap`."""
        ...

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> Buckets:
        """Bring each user's rows together in the bucket that the user's hash names."""
        ...


def shard_name(bucket: int) -> str:
    """The file of a bucket."""
    return f"part-{bucket:05d}.parquet"
