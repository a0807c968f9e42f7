"""How one user's events come together: the one thing that differs between machines.

An engine partitions events into buckets of whole users and then applies pure functions to one
bucket at a time. What the functions compute does not depend on the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import polars as pl

BucketFunction = Callable[[pl.DataFrame], pl.DataFrame]


class Buckets(Protocol):
    """Events in buckets; a bucket holds whole users and fits in memory."""

    def map(self, function: BucketFunction) -> Buckets:
        """Apply a pure function to each bucket."""
        ...

    def combine(self, function: BucketFunction, merge: BucketFunction) -> pl.DataFrame:
        """Reduce each bucket to a small table, then merge the concatenated tables to one."""
        ...

    def write(self, function: BucketFunction, folder: Path) -> list[Path]:
        """Write what a function makes of each bucket as Parquet shards, in bucket order."""
        ...


class Engine(Protocol):
    """Makes buckets of a log."""

    def partition(self, events: pl.LazyFrame, buckets: int) -> Buckets:
        """Bring each user's events together in the bucket that the user's hash names."""
        ...
