"""What a worker does in a step: pure functions on blocks of rows, read from and written to files.

Each kind of work is a small value that can be told to workers, and knows nothing of Beam.
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
from .fold import Cut, fold, newest

BLOCK_ROWS = 1_000_000
"""Rows of a part that are split into the blocks of all buckets at once."""

Block = tuple[bytes, int]
"""Rows of a bucket as Arrow, and how many were left out of them already."""

_BUCKET = "_bucket"


@dataclass(frozen=True)
class Rows:
    """Where the bucket files of a step are, and what is still to be done to each when read."""

    folder: AnyPath
    pending: tuple[Callable[[pl.DataFrame, int], pl.DataFrame], ...] = ()

    def read(self, number: int) -> pl.DataFrame:
        """One bucket, with all that was mapped."""
        rows = to_frame(read_bytes(self.folder / shard_name(number)))
        for function in self.pending:
            rows = function(rows, number)
        return rows


@dataclass(frozen=True)
class Joined:
    """A join as one of the pending functions."""

    other: Rows
    function: JoinFunction

    def __call__(self, rows: pl.DataFrame, number: int) -> pl.DataFrame:
        """The rows of a bucket, joined."""
        return self.function(rows, self.other.read(number))


@dataclass(frozen=True)
class Mapped:
    """A map as one of the pending functions."""

    function: BucketFunction

    def __call__(self, rows: pl.DataFrame, _: int) -> pl.DataFrame:
        """The rows of a bucket, mapped."""
        return self.function(rows)


@dataclass(frozen=True)
class Frames:
    """Blocks of a frame that this process had, as files; see `ingest.parts.PartedTable`."""

    folder: AnyPath
    schema: pl.Schema
    parts: list[int]

    @contextmanager
    def open_part(self, part: int) -> Iterator[pl.LazyFrame]:
        """One block."""
        yield to_frame(read_bytes(self.folder / f"{part}.arrow")).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        """One block after the other."""
        for part in self.parts:
            with self.open_part(part) as rows:
                yield rows


@dataclass(frozen=True)
class Tasks:
    """Work: a function of each task."""

    function: Callable[[Any], Any]
    tasks: list[Any]

    def __call__(self, number: int) -> Any:
        """The task's number and its answer; an error of ours is one, too."""
        try:
            return number, self.function(self.tasks[number])
        except PocketrecError as error:  # told by the first task that has one
            return number, error


@dataclass(frozen=True)
class Combine:
    """Work: reduce a bucket, and keep it where something was done to it."""

    rows: Rows
    keep: AnyPath | None
    reductions: tuple[Reduction, ...]

    def __call__(self, number: int) -> tuple[list[bytes], Cut]:
        """A table of each reduction."""
        return self.reduce(number, self.rows.read(number)), Cut()

    def reduce(self, number: int, rows: pl.DataFrame) -> list[bytes]:
        """The same of rows that are at hand."""
        if self.keep is not None:
            write_bytes(self.keep / shard_name(number), to_bytes(rows))
        return [to_bytes(reduction.of_bucket(rows)) for reduction in self.reductions]

    def merge(self, parts: Iterable[tuple[list[bytes], Cut]]) -> tuple[list[bytes], Cut]:
        """What was found of some buckets as if they were one."""
        tables, cuts = zip(*parts, strict=True)
        merged = [
            to_bytes(one.merge(pl.concat(map(to_frame, same))))
            for one, same in zip(self.reductions, zip(*tables, strict=True), strict=True)
        ]
        return merged, sum(cuts, Cut())


@dataclass(frozen=True)
class Partition:
    """Work: split parts into blocks of buckets; fold those of a bucket, and reduce it."""

    source: PartedTable
    plan: Plan
    work: Combine

    def split(self, number: int) -> Iterator[tuple[int, Block]]:
        """The blocks of a part, each with its bucket."""
        part: Any = self.source.parts[number]
        with self.source.open_part(part) as rows:
            for batch in self.plan.taken(rows).collect_batches(chunk_size=BLOCK_ROWS):
                bucket = bucket_of(batch[Column.USER], self.plan.buckets).alias(_BUCKET)
                blocks = batch.with_columns(bucket).partition_by(
                    _BUCKET, as_dict=True, include_key=False
                )
                for (into,), block in blocks.items():
                    yield into, self._block(block)

    def _block(self, rows: pl.DataFrame) -> Block:
        """What would be left out in any case does not travel; one more tells who had too many."""
        most = self.plan.newest
        kept = rows if most is None else newest(rows, most + 1)
        return to_bytes(kept), rows.height - kept.height

    def fold(self, number: int, blocks: Iterable[Block]) -> tuple[list[bytes], Cut]:
        """Reduce a bucket once its blocks are put together."""
        before = 0

        def frames() -> Iterator[pl.DataFrame]:
            nonlocal before
            yield self.plan.taken(pl.LazyFrame(schema=self.source.schema)).collect()
            for content, left_out in blocks:
                before += left_out
                yield to_frame(content)

        rows, cut = fold(frames(), self.plan.newest)
        for function in self.work.rows.pending:
            rows = function(rows, number)
        return self.work.reduce(number, rows), cut + Cut(before)

    def merge(self, parts: Iterable[tuple[list[bytes], Cut]]) -> tuple[list[bytes], Cut]:
        """What was found of some buckets as if they were one."""
        return self.work.merge(parts)


@dataclass(frozen=True)
class Write:
    """Work: write the shard of a bucket."""

    rows: Rows
    function: BucketFunction
    folder: AnyPath

    def __call__(self, number: int) -> tuple[str, dict[str, Any]]:
        """The shard's name and its description for the manifest."""
        stream = io.BytesIO()
        self.function(self.rows.read(number)).write_parquet(stream, compression="zstd")
        content = stream.getvalue()
        write_bytes(self.folder / shard_name(number), content)
        digest = hashlib.sha256(content).hexdigest()
        return shard_name(number), {"bytes": len(content), "sha256": digest}


def to_bytes(rows: pl.DataFrame) -> bytes:
    """Rows as Arrow."""
    stream = io.BytesIO()
    rows.write_ipc(stream, compression="lz4")
    return stream.getvalue()


def to_frame(content: bytes) -> pl.DataFrame:
    """What `to_bytes` gave."""
    return pl.read_ipc(io.BytesIO(content))
