"""The work of a step: pure functions on blocks of rows that are read from and written to files.

Each kind of work is a small value that can be sent to workers. Nothing here imports Beam.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import PocketrecError
from ...ingest.parts import PartedTable
from ...schema import Column
from ...storage.paths import AnyPath, read_bytes, write_bytes
from ..buckets import bucket_of
from . import BucketFunction, JoinFunction, Plan, Reduction, shard_name
from .fold import Truncated, fold, keep_newest

Block = tuple[bytes, int]
"""Rows of a bucket as Arrow, and the number of rows already dropped from them."""

_BUCKET = "_bucket"


@dataclass(frozen=True)
class Rows:
    """The bucket files of a step, and the functions to apply when one is read."""

    folder: AnyPath
    pending: tuple[Callable[[pl.DataFrame, int], pl.DataFrame], ...] = ()

    def read(self, number: int) -> pl.DataFrame:
        """Read one bucket and apply the pending functions."""
        rows = to_frame(read_bytes(self.folder / shard_name(number)))
        for function in self.pending:
            rows = function(rows, number)
        return rows


@dataclass(frozen=True)
class Joined:
    """A join, as a pending function."""

    other: Rows
    function: JoinFunction

    def __call__(self, rows: pl.DataFrame, number: int) -> pl.DataFrame:
        """Join the rows of a bucket with those of the other one."""
        return self.function(rows, self.other.read(number))


@dataclass(frozen=True)
class Mapped:
    """A map, as a pending function."""

    function: BucketFunction

    def __call__(self, rows: pl.DataFrame, _: int) -> pl.DataFrame:
        """Map the rows of a bucket."""
        return self.function(rows)


@dataclass(frozen=True)
class Frames:
    """A frame of the command, as one file per block; see `ingest.parts.PartedTable`."""

    folder: AnyPath
    schema: pl.Schema
    parts: list[int]

    @contextmanager
    def open_part(self, part: int) -> Iterator[pl.LazyFrame]:
        """Open one block."""
        yield to_frame(read_bytes(self.folder / f"{part}.arrow")).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        """Yield one block after another."""
        for part in self.parts:
            with self.open_part(part) as rows:
                yield rows


@dataclass(frozen=True)
class Tasks:
    """Work: apply a function to each task."""

    function: Callable[[Any], Any]
    tasks: list[Any]

    def __call__(self, number: int) -> Any:
        """Return the task's number and its answer, which may be an error of ours."""
        try:
            return number, self.function(self.tasks[number])
        except PocketrecError as error:  # the command raises that of the first task
            return number, error


@dataclass(frozen=True)
class Combine:
    """Work: reduce a bucket, and write it to `keep` if it changed."""

    rows: Rows
    keep: AnyPath | None
    reductions: tuple[Reduction, ...]

    def __call__(self, number: int) -> tuple[list[bytes], Truncated]:
        """Read a bucket and reduce it to one table per reduction."""
        return self.reduce(number, self.rows.read(number)), Truncated()

    def reduce(self, number: int, rows: pl.DataFrame) -> list[bytes]:
        """Reduce the rows of a bucket that are in memory already."""
        if self.keep is not None:
            write_bytes(self.keep / shard_name(number), to_bytes(rows))
        return [to_bytes(reduction.of_bucket(rows)) for reduction in self.reductions]

    def merge(
        self, parts: Iterable[tuple[list[bytes], Truncated]]
    ) -> tuple[list[bytes], Truncated]:
        """Merge the results of some buckets into one."""
        tables, truncated = zip(*parts, strict=True)
        merged = [
            to_bytes(one.merge(pl.concat(map(to_frame, same))))
            for one, same in zip(self.reductions, zip(*tables, strict=True), strict=True)
        ]
        return merged, sum(truncated, Truncated())


@dataclass(frozen=True)
class Partition:
    """Work: split parts into blocks by bucket, join the blocks of each bucket, and reduce it."""

    source: PartedTable
    plan: Plan
    work: Combine

    def split(self, number: int) -> Iterator[tuple[int, Block]]:
        """Yield the blocks of a part, each with the number of its bucket."""
        part: Any = self.source.parts[number]
        with self.source.open_part(part) as rows:
            for batch in self.plan.apply(rows).collect_batches(chunk_size=self.plan.block_rows):
                bucket = bucket_of(batch[Column.USER], self.plan.buckets).alias(_BUCKET)
                blocks = batch.with_columns(bucket).partition_by(
                    _BUCKET, as_dict=True, include_key=False
                )
                for (target,), block in blocks.items():
                    yield target, self._block(block)

    def _block(self, rows: pl.DataFrame) -> Block:
        """Drop events that would be dropped anyway, before they travel.

        One event too many is kept: it shows which users had more than the limit.
        """
        most = self.plan.max_user_events
        kept = rows if most is None else keep_newest(rows, most + 1)
        return to_bytes(kept), rows.height - kept.height

    def fold(self, number: int, blocks: Iterable[Block]) -> tuple[list[bytes], Truncated]:
        """Join the blocks of a bucket, and reduce it."""
        dropped = 0

        def frames() -> Iterator[pl.DataFrame]:
            nonlocal dropped
            # A frame without rows, so that a bucket without blocks has the right columns.
            yield self.plan.apply(pl.LazyFrame(schema=self.source.schema)).collect()
            for content, dropped_before in blocks:
                dropped += dropped_before
                yield to_frame(content)

        rows, truncated = fold(frames(), self.plan.max_user_events, self.plan.fold_rows)
        for function in self.work.rows.pending:
            rows = function(rows, number)
        return self.work.reduce(number, rows), truncated + Truncated(dropped)

    def merge(
        self, parts: Iterable[tuple[list[bytes], Truncated]]
    ) -> tuple[list[bytes], Truncated]:
        """Merge the results of some buckets into one."""
        return self.work.merge(parts)


@dataclass(frozen=True)
class Write:
    """Work: write the shard of a bucket."""

    rows: Rows
    function: BucketFunction
    folder: AnyPath

    def __call__(self, number: int) -> tuple[str, dict[str, Any]]:
        """Write the shard; return its name and its description for the manifest."""
        stream = io.BytesIO()
        self.function(self.rows.read(number)).write_parquet(stream, compression="zstd")
        content = stream.getvalue()
        write_bytes(self.folder / shard_name(number), content)
        digest = hashlib.sha256(content).hexdigest()
        return shard_name(number), {"bytes": len(content), "sha256": digest}


def to_bytes(rows: pl.DataFrame) -> bytes:
    """Rows -> Arrow."""
    stream = io.BytesIO()
    rows.write_ipc(stream, compression="lz4")
    return stream.getvalue()


def to_frame(content: bytes) -> pl.DataFrame:
    """Arrow, as `to_bytes` returns it -> rows."""
    return pl.read_ipc(io.BytesIO(content))
