"""The engine for one machine: Parquet files in a scratch folder, one bucket in memory at a time."""

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
from .fold import Truncated, fold

_BUCKET = "_bucket"


class LocalBuckets:
    """One file per bucket; see `engines.Buckets`."""

    def __init__(self, files: list[Path], plan: Plan, on_step: Callable[[], None]) -> None:
        self.files = files
        self.truncated = Truncated()
        self._plan = plan
        self._on_step = on_step
        self._is_folded = False
        self._pending: list[Callable[[pl.DataFrame, int], pl.DataFrame]] = []

    def map(self, function: BucketFunction) -> None:
        """Applied the next time a bucket is read."""
        self._pending.append(lambda rows, _: function(rows))

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Joined bucket by bucket, so that at most two are in memory."""
        if not isinstance(other, LocalBuckets):
            raise TypeError("buckets of two engines cannot be joined")
        self._pending.append(lambda rows, number: function(rows, other.read(number)))

    def read(self, number: int) -> pl.DataFrame:
        """Read one bucket and apply the pending functions."""
        file = self.files[number]
        if self._is_folded:
            rows = pl.read_parquet(file, glob=False)
        else:
            rows, truncated = fold(
                _blocks(file, self._plan.fold_rows),
                self._plan.max_user_events,
                self._plan.fold_rows,
            )
            self.truncated += truncated
        for function in self._pending:
            rows = function(rows, number)
        return rows

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """Reduce one bucket after another, merging as it goes: at most two tables are in memory."""
        totals: list[pl.DataFrame] = []
        for number, file in enumerate(self.files):
            before = self.truncated
            rows = self.read(number)
            if self._pending or self.truncated != before:
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
        """One shard per bucket."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(self.files):
            # Parquet files hold no time of writing: equal rows give equal bytes.
            function(self.read(number)).write_parquet(
                folder / shard_name(number), compression="zstd"
            )
            file.unlink()
            self._on_step()


def _blocks(file: Path, fold_rows: int) -> Iterator[pl.DataFrame]:
    """Read a file in pieces: one user may have more events than fit in memory."""
    scan = pl.scan_parquet(file, glob=False)
    rows = scan.select(pl.len()).collect().item()
    if rows <= fold_rows:
        yield pl.read_parquet(file, glob=False)
        return
    step = max(1, fold_rows // 4)
    for begin in range(0, rows, step):
        yield scan.slice(begin, step).collect()


class LocalEngine:
    """Polars streams the log once into `scratch`; `on_step` is called after each bucket."""

    def __init__(self, scratch: Path, on_step: Callable[[], None] = lambda: None) -> None:
        self.scratch = scratch
        self.on_step = on_step
        self._partitions = 0

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """One task after another."""
        return map_serially(function, tasks)

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> LocalBuckets:
        """Stream the rows once into one file per bucket; memory does not grow with the rows."""
        root = self.scratch / f"partition-{self._partitions}"
        self._partitions += 1
        folders: list[Path] = []
        for frame in [rows] if isinstance(rows, pl.LazyFrame) else rows.frames(root / "copies"):
            folders.append(root / f"rows-{len(folders)}")
            _split(plan.apply(frame), plan.buckets, folders[-1])
        shutil.rmtree(root / "copies", ignore_errors=True)
        schema = rows.collect_schema() if isinstance(rows, pl.LazyFrame) else rows.schema
        empty = plan.apply(pl.LazyFrame(schema=schema))
        files = []
        for number in range(plan.buckets):
            file = root / f"bucket-{number:05d}.parquet"
            of_bucket = [folder / f"{_BUCKET}={number}" for folder in folders]
            parts = [part for one in of_bucket for part in sorted(one.glob("*.parquet"))]
            _join(parts, empty, file)
            files.append(file)
            self.on_step()
        return LocalBuckets(files, plan, self.on_step)


def _split(rows: pl.LazyFrame, buckets: int, folder: Path) -> None:
    """Write the rows of each bucket into files in a folder for that bucket."""
    hashed = rows.with_columns(
        pl.col(Column.USER)
        .map_batches(
            lambda users: bucket_of(users, buckets), return_dtype=pl.UInt16, is_elementwise=True
        )
        .alias(_BUCKET)
    )
    folder.mkdir(parents=True, exist_ok=True)  # a sink without rows makes no folder
    hashed.sink_parquet(
        pl.PartitionBy(folder, key=_BUCKET, include_key=False),
        compression="lz4",
        mkdir=True,
        engine="streaming",
    )


def _join(parts: list[Path], empty: pl.LazyFrame, file: Path) -> None:
    """Join the files of a bucket into one."""
    if len(parts) == 1:
        parts[0].replace(file)
        return
    whole = pl.scan_parquet(parts, glob=False) if parts else empty
    whole.sink_parquet(file, compression="lz4")
    for part in parts:
        part.unlink()
