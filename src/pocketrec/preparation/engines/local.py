"""One machine: buckets are Parquet files in a scratch folder, one in memory at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from ...ingest.parallel import map_serially
from ...ingest.parts import PartedTable
from ...schema import Column
from ..buckets import bucket_of
from . import Answer, BucketFunction, Buckets, JoinFunction, Plan, Reduction, Task, shard_name
from . import fold as folding
from .fold import Cut, fold

_BUCKET = "_bucket"


class LocalBuckets:
    """Files with the rows of one bucket each; see `engines.Buckets`."""

    def __init__(self, files: list[Path], newest: int | None, on_step: Callable[[], None]) -> None:
        self.files = files
        self.cut = Cut()
        self._newest = newest
        self._on_step = on_step
        self._is_folded = False
        self._pending: list[Callable[[pl.DataFrame, int], pl.DataFrame]] = []

    def map(self, function: BucketFunction) -> None:
        """Applied when a bucket is next read."""
        self._pending.append(lambda rows, _: function(rows))

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Bucket by bucket, so that no more than two are in memory."""
        if not isinstance(other, LocalBuckets):
            raise TypeError("buckets of two engines cannot be joined")
        self._pending.append(lambda rows, number: function(rows, other.read(number)))

    def read(self, number: int) -> pl.DataFrame:
        """One bucket, with all that was mapped."""
        file = self.files[number]
        if self._is_folded:
            rows = pl.read_parquet(file, glob=False)
        else:
            rows, cut = fold(_blocks(file), self._newest)
            self.cut += cut
        for function in self._pending:
            rows = function(rows, number)
        return rows

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """Reduce one bucket after another, merging as it goes: two tables in memory at most."""
        totals: list[pl.DataFrame] = []
        for number, file in enumerate(self.files):
            before = self.cut
            rows = self.read(number)
            if self._pending or self.cut != before:
                new = file.with_suffix(".new")
                rows.write_parquet(new, compression="lz4", statistics=False)
                new.replace(file)
            parts = [reduction.of_bucket(rows) for reduction in reductions]
            if number:
                parts = [pl.concat(pair) for pair in zip(totals, parts, strict=True)]
            totals = [one.merge(part) for one, part in zip(reductions, parts, strict=True)]
            self._on_step()
        self._pending, self._is_folded = [], True
        return totals

    def write(self, function: BucketFunction, folder: Path) -> None:
        """One shard a bucket."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(self.files):
            # Statistics and metadata that name no writer's moment: the same bytes every time.
            function(self.read(number)).write_parquet(
                folder / shard_name(number), compression="zstd"
            )
            file.unlink()
            self._on_step()


def _blocks(file: Path) -> Iterator[pl.DataFrame]:
    """A file in pieces, for of one user there may be more than fits in memory."""
    scan = pl.scan_parquet(file, glob=False)
    rows = scan.select(pl.len()).collect().item()
    if rows <= folding.FOLD_ROWS:
        yield pl.read_parquet(file, glob=False)
        return
    step = folding.FOLD_ROWS // 4
    for begin in range(0, rows, step):
        yield scan.slice(begin, step).collect()


class LocalEngine:
    """Polars streams the log once into `scratch`; `on_step` is told of each bucket done."""

    def __init__(self, scratch: Path, on_step: Callable[[], None] = lambda: None) -> None:
        self.scratch = scratch
        self.on_step = on_step
        self._partitions = 0

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """One task after another."""
        return map_serially(function, tasks)

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> LocalBuckets:
        """Stream the rows once into one file a bucket; memory does not grow with them."""
        root = self.scratch / f"partition-{self._partitions}"
        self._partitions += 1
        folders: list[Path] = []
        for frame in [rows] if isinstance(rows, pl.LazyFrame) else rows.frames(root / "copies"):
            folders.append(root / f"rows-{len(folders)}")
            _split(plan.taken(frame), plan.buckets, folders[-1])
        shutil.rmtree(root / "copies", ignore_errors=True)
        schema = rows.collect_schema() if isinstance(rows, pl.LazyFrame) else rows.schema
        empty = plan.taken(pl.LazyFrame(schema=schema))
        files = []
        for number in range(plan.buckets):
            file = root / f"bucket-{number:05d}.parquet"
            found = [folder / f"{_BUCKET}={number}" for folder in folders]
            _join([part for one in found for part in sorted(one.glob("*.parquet"))], empty, file)
            files.append(file)
            self.on_step()
        return LocalBuckets(files, plan.newest, self.on_step)


def _split(rows: pl.LazyFrame, buckets: int, folder: Path) -> None:
    """Files of each bucket, in a folder of its own."""
    hashed = rows.with_columns(
        pl.col(Column.USER)
        .map_batches(
            lambda users: bucket_of(users, buckets), return_dtype=pl.UInt16, is_elementwise=True
        )
        .alias(_BUCKET)
    )
    folder.mkdir(parents=True, exist_ok=True)  # a sink of no rows makes none
    hashed.sink_parquet(
        pl.PartitionBy(folder, key=_BUCKET, include_key=False),
        compression="lz4",
        mkdir=True,
        engine="streaming",
    )


def _join(parts: list[Path], empty: pl.LazyFrame, file: Path) -> None:
    """Make one file of those of a bucket."""
    if len(parts) == 1:
        parts[0].replace(file)
        return
    whole = pl.scan_parquet(parts, glob=False) if parts else empty
    whole.sink_parquet(file, compression="lz4")
    for part in parts:
        part.unlink()
