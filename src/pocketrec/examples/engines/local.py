"""One machine: buckets are Parquet files in a scratch folder, one in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...schema import Column
from ..buckets import bucket_of
from . import BucketFunction

_BUCKET = "_bucket"


@dataclass(frozen=True)
class LocalBuckets:
    """Files with the events of one bucket each; see `engines.Buckets`."""

    files: list[Path]
    on_step: Callable[[], None]

    def map(self, function: BucketFunction) -> LocalBuckets:
        """Rewrite each bucket; the old files are dropped as it goes, so the disk stays small."""
        for file in self.files:
            result = function(pl.read_parquet(file, glob=False))
            new = file.with_suffix(".new")
            result.write_parquet(new, compression="lz4")
            new.replace(file)
            self.on_step()
        return self

    def combine(self, function: BucketFunction, merge: BucketFunction) -> pl.DataFrame:
        """Reduce one bucket after another, merging as it goes: two tables in memory at most."""
        total: pl.DataFrame | None = None
        for file in self.files:
            part = function(pl.read_parquet(file, glob=False))
            total = merge(part if total is None else pl.concat([total, part]))
            self.on_step()
        if total is None:
            raise ValueError("there are no buckets")
        return total

    def write(self, function: BucketFunction, folder: Path) -> list[Path]:
        """One shard a bucket: part-00000.parquet and on."""
        folder.mkdir(parents=True, exist_ok=True)
        shards = []
        for number, file in enumerate(self.files):
            shard = folder / f"part-{number:05d}.parquet"
            # Statistics and metadata that name no writer's moment: the same bytes every time.
            function(pl.read_parquet(file, glob=False)).write_parquet(shard, compression="zstd")
            shards.append(shard)
            self.on_step()
        return shards


@dataclass(frozen=True)
class LocalEngine:
    """Polars streams the log once into `scratch`; `on_step` is told of each bucket done."""

    scratch: Path
    on_step: Callable[[], None] = lambda: None

    def partition(self, events: pl.LazyFrame, buckets: int) -> LocalBuckets:
        """Stream the log into one file a bucket; memory does not grow with the log."""
        hashed = events.with_columns(
            pl.col(Column.USER)
            .map_batches(
                lambda users: bucket_of(users, buckets),
                return_dtype=pl.UInt16,
                is_elementwise=True,
            )
            .alias(_BUCKET)
        )
        folder = self.scratch / "events"
        folder.mkdir(parents=True, exist_ok=True)  # a sink of no rows makes none
        hashed.sink_parquet(
            pl.PartitionBy(folder, key=_BUCKET, include_key=False),
            compression="lz4",
            mkdir=True,
            engine="streaming",
        )
        files = []
        empty = pl.DataFrame(schema=events.collect_schema())
        for number in range(buckets):
            merged = self.scratch / f"bucket-{number:05d}.parquet"
            parts = sorted((folder / f"{_BUCKET}={number}").glob("*.parquet"))
            if len(parts) == 1:
                parts[0].replace(merged)
            else:
                frame = pl.scan_parquet(parts, glob=False) if parts else empty.lazy()
                frame.sink_parquet(merged, compression="lz4")
                for part in parts:
                    part.unlink()
            files.append(merged)
            self.on_step()
        return LocalBuckets(files, self.on_step)
