"""Many machines: each step is an Apache Beam pipeline over bucket files in a scratch folder.

What goes between machines are blocks of a bucket's rows, never single events. A step is described
in a file of the scratch folder, so that a table of millions of items is no part of a pipeline's
graph; what it finds comes back in another.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from math import isqrt
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import ConfigError, EngineError, PocketrecError, one_line
from ...logs.spread import Parted
from ...places import Place, Url, download, place, read_bytes, remove, write_bytes
from ...schema import Column
from ..buckets import bucket_of
from . import Answer, BucketFunction, Buckets, JoinFunction, Plan, Reduction, Task, shard_name
from .fold import Cut, fold, newest
from .quiet import PipelineOptions, beam

LOG = logging.getLogger("pocketrec")

BLOCK_ROWS = 1_000_000
"""Rows of a part that are split into the blocks of all buckets at once."""

FAN_OUT = 16
"""Buckets from which on what is found of them is merged by several workers at once."""

HERE = {"FnApiRunner", "DirectRunner", "BundleBasedDirectRunner", "TestDirectRunner"}
"""Runners whose workers are on this machine."""

_Block = tuple[bytes, int]
"""Rows of a bucket as Arrow, and how many were left out of them already."""

_BUCKET = "_bucket"
_WORK, _FOUND, _ERROR = "work.pickle", "found.pickle", "error.pickle"


@dataclass(frozen=True)
class _Rows:
    """Where the bucket files of a step are, and what is still to be done to each when read."""

    folder: Place
    pending: tuple[Callable[[pl.DataFrame, int], pl.DataFrame], ...] = ()

    def read(self, number: int) -> pl.DataFrame:
        rows = _frame(read_bytes(self.folder / shard_name(number)))
        for function in self.pending:
            rows = function(rows, number)
        return rows


@dataclass(frozen=True)
class _Joined:
    """A join as one of the pending functions."""

    other: _Rows
    function: JoinFunction

    def __call__(self, rows: pl.DataFrame, number: int) -> pl.DataFrame:
        return self.function(rows, self.other.read(number))


@dataclass(frozen=True)
class _Mapped:
    """A map as one of the pending functions."""

    function: BucketFunction

    def __call__(self, rows: pl.DataFrame, _: int) -> pl.DataFrame:
        return self.function(rows)


class BeamBuckets:
    """Bucket files of the last step; see `engines.Buckets`."""

    def __init__(self, engine: BeamEngine, rows: pl.LazyFrame | Parted, plan: Plan) -> None:
        self.cut = Cut()
        self._engine = engine
        self._plan = plan
        self._source: Parted | None = engine.keep(rows) if isinstance(rows, pl.LazyFrame) else rows
        self._rows = _Rows(engine.scratch)  # of no step yet

    def map(self, function: BucketFunction) -> None:
        """Applied when a bucket is next read."""
        self._rows = _Rows(self._rows.folder, (*self._rows.pending, _Mapped(function)))

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Bucket by bucket, when next they are read."""
        if not isinstance(other, BeamBuckets):
            raise TypeError("buckets of two engines cannot be joined")
        if other._source is not None:
            other.combine()
        joined = _Joined(other._rows, function)
        self._rows = _Rows(self._rows.folder, (*self._rows.pending, joined))

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """One pipeline: the first reads and partitions the log, too."""
        before, source = self._rows, self._source
        folder = self._engine.begin()
        keeps = bool(before.pending) or source is not None
        work = _Combine(before, folder if keeps else None, reductions)
        if source is None:
            found, cut = self._engine.run(folder, work, partial(_reduced, self._plan.buckets))
        else:
            partition = _Partition(source, self._plan, work)
            found, cut = self._engine.run(folder, partition, partial(_partitioned, partition))
        self.cut += cut
        if keeps:
            self._rows, self._source = _Rows(folder), None
            self._engine.forget(before.folder)
        return [_frame(table) for table in found]

    def write(self, function: BucketFunction, folder: Path) -> None:
        """Workers write the shards where they are to be, or else they are fetched from there."""
        step = self._engine.begin()
        out = self._engine.out
        target = out / folder.name if out is not None else step
        if out is None and isinstance(step, Path):
            target = folder
            folder.mkdir(parents=True, exist_ok=True)
        work = _Write(self._rows, function, target)
        shards = self._engine.run(step, work, partial(_answered, self._plan.buckets))
        for name, description in sorted(shards):
            if out is not None:
                self._engine.written[f"{folder.name}/{name}"] = description
            elif isinstance(target, Url):
                download(target / name, folder)


class BeamEngine:
    """Runs steps on any runner of Beam; `options` are Beam's own, as on a command line.

    Steps leave their files in `scratch`, which all workers must reach. With `out`, the artifact's
    place if it is elsewhere, workers write shards there, and `written` describes them.
    """

    def __init__(
        self,
        scratch: Place,
        options: Sequence[str] = (),
        on_step: Callable[[], None] = lambda: None,
        out: Url | None = None,
    ) -> None:
        self.scratch = scratch
        self.out = out
        self.on_step = on_step
        self.written: dict[str, dict[str, Any]] = {}
        self._options = _options(options)
        self._steps = 0
        runner = self._options.get_all_options()["runner"]
        if isinstance(scratch, Path) and runner not in HERE:
            LOG.warning(
                "%s's workers must reach the folder '%s': give --scratch a place that they share",
                runner,
                scratch.parent,
            )

    def spread(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """One pipeline for all tasks; their answers in order."""
        if not tasks:
            return []
        work = _Tasks(function, list(tasks))
        answers = self.run(self.begin(), work, partial(_answered, len(tasks)))
        for _, answer in (ordered := sorted(answers, key=lambda pair: pair[0])):
            if isinstance(answer, PocketrecError):
                raise answer
        return [answer for _, answer in ordered]

    def partition(self, rows: pl.LazyFrame | Parted, plan: Plan) -> BeamBuckets:
        """Done with the first step that reads the buckets."""
        return BeamBuckets(self, rows, plan)

    def keep(self, rows: pl.LazyFrame) -> _Frames:
        """A frame of this process as files that workers can read."""
        folder = self.begin()
        count = 0
        for block in rows.collect_batches(chunk_size=BLOCK_ROWS):
            write_bytes(folder / f"{count}.arrow", _bytes(block))
            count += 1
        return _Frames(folder, rows.collect_schema(), list(range(count)))

    def begin(self) -> Place:
        """The folder of the next step."""
        self._steps += 1
        return self.scratch / f"step-{self._steps:03d}"

    def forget(self, step: Place) -> None:
        """Remove what a step left, if it was one."""
        if step != self.scratch:
            remove(step)

    def run(self, folder: Place, work: Any, build: Callable[[Any, str], Any]) -> Any:
        """Run a pipeline for some work, of which `build` makes a collection of one value."""
        where = str(folder / _WORK)
        write_bytes(folder / _WORK, pickle.dumps(work))
        with _running(folder, self._options):
            pipeline = beam.Pipeline(options=self._options)
            found = build(pipeline, where)
            _ = found | "Keep" >> beam.Map(_keep, str(folder / _FOUND))
            pipeline.run().wait_until_finish()
        self.on_step()
        return pickle.loads(read_bytes(folder / _FOUND))  # noqa: S301 - our own scratch


@dataclass(frozen=True)
class _Frames:
    """Blocks of a frame that this process had, as files; see `logs.spread.Parted`."""

    folder: Place
    schema: pl.Schema
    parts: list[int]

    @contextmanager
    def opened(self, part: int) -> Iterator[pl.LazyFrame]:
        yield _frame(read_bytes(self.folder / f"{part}.arrow")).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        for part in self.parts:
            with self.opened(part) as rows:
                yield rows


@dataclass(frozen=True)
class _Tasks:
    """Work: a function of each task."""

    function: Callable[[Any], Any]
    tasks: list[Any]

    def __call__(self, number: int) -> Any:
        try:
            return number, self.function(self.tasks[number])
        except PocketrecError as error:  # told by the first task that has one
            return number, error


@dataclass(frozen=True)
class _Combine:
    """Work: reduce a bucket, and keep it where something was done to it."""

    rows: _Rows
    keep: Place | None
    reductions: tuple[Reduction, ...]

    def __call__(self, number: int) -> tuple[list[bytes], Cut]:
        return self.reduce(number, self.rows.read(number)), Cut()

    def reduce(self, number: int, rows: pl.DataFrame) -> list[bytes]:
        if self.keep is not None:
            write_bytes(self.keep / shard_name(number), _bytes(rows))
        return [_bytes(reduction.of_bucket(rows)) for reduction in self.reductions]

    def merge(self, parts: Iterable[tuple[list[bytes], Cut]]) -> tuple[list[bytes], Cut]:
        tables, cuts = zip(*parts, strict=True)
        merged = [
            _bytes(one.merge(pl.concat(map(_frame, same))))
            for one, same in zip(self.reductions, zip(*tables, strict=True), strict=True)
        ]
        return merged, sum(cuts, Cut())


@dataclass(frozen=True)
class _Partition:
    """Work: split parts into blocks of buckets; fold those of a bucket, and reduce it."""

    source: Parted
    plan: Plan
    work: _Combine

    def split(self, number: int) -> Iterator[tuple[int, _Block]]:
        part: Any = self.source.parts[number]
        with self.source.opened(part) as rows:
            for batch in self.plan.taken(rows).collect_batches(chunk_size=BLOCK_ROWS):
                bucket = bucket_of(batch[Column.USER], self.plan.buckets).alias(_BUCKET)
                blocks = batch.with_columns(bucket).partition_by(
                    _BUCKET, as_dict=True, include_key=False
                )
                for (into,), block in blocks.items():
                    yield into, self._block(block)

    def _block(self, rows: pl.DataFrame) -> _Block:
        """What would be left out in any case does not travel; one more tells who had too many."""
        most = self.plan.newest
        kept = rows if most is None else newest(rows, most + 1)
        return _bytes(kept), rows.height - kept.height

    def fold(self, number: int, blocks: Iterable[_Block]) -> tuple[list[bytes], Cut]:
        before = 0

        def frames() -> Iterator[pl.DataFrame]:
            nonlocal before
            yield self.plan.taken(pl.LazyFrame(schema=self.source.schema)).collect()
            for content, left_out in blocks:
                before += left_out
                yield _frame(content)

        rows, cut = fold(frames(), self.plan.newest)
        for function in self.work.rows.pending:
            rows = function(rows, number)
        return self.work.reduce(number, rows), cut + Cut(before)

    def merge(self, parts: Iterable[tuple[list[bytes], Cut]]) -> tuple[list[bytes], Cut]:
        return self.work.merge(parts)


@dataclass(frozen=True)
class _Write:
    """Work: write the shard of a bucket."""

    rows: _Rows
    function: BucketFunction
    folder: Place

    def __call__(self, number: int) -> tuple[str, dict[str, Any]]:
        stream = io.BytesIO()
        self.function(self.rows.read(number)).write_parquet(stream, compression="zstd")
        content = stream.getvalue()
        write_bytes(self.folder / shard_name(number), content)
        digest = hashlib.sha256(content).hexdigest()
        return shard_name(number), {"bytes": len(content), "sha256": digest}


class _Merge(beam.CombineFn):  # type: ignore[misc]
    """Merges what was found of buckets, some at a time, wherever they are."""

    MOST = 8  # that are held before they are merged

    def __init__(self, where: str) -> None:
        self.where = where

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, gathered: list[Any], found: Any) -> list[Any]:
        gathered.append(found)
        return self.compact(gathered) if len(gathered) >= self.MOST else gathered

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        gathered: list[Any] = []
        for accumulator in accumulators:
            for found in accumulator:
                gathered = self.add_input(gathered, found)
        return gathered

    def compact(self, gathered: list[Any]) -> list[Any]:
        return [_work(self.where).merge(gathered)] if len(gathered) > 1 else gathered

    def extract_output(self, gathered: list[Any]) -> Any:
        return _work(self.where).merge(gathered)


def _answered(count: int, pipeline: Any, where: str) -> Any:
    """All answers of a work as one list."""
    return (
        _numbers(count, pipeline)
        | "Work" >> beam.Map(_call, where)
        | "Gather" >> beam.combiners.ToList()
    )


def _reduced(buckets: int, pipeline: Any, where: str) -> Any:
    found = _numbers(buckets, pipeline) | "Reduce" >> beam.Map(_call, where)
    return found | "Merge" >> _merging(buckets, where)


def _partitioned(partition: _Partition, pipeline: Any, where: str) -> Any:
    buckets = partition.plan.buckets
    parts = _numbers(len(partition.source.parts), pipeline) | "Split" >> beam.FlatMap(_split, where)
    # So that a bucket without rows is there, too.
    every = pipeline | "Buckets" >> beam.Create([(number, None) for number in range(buckets)])
    blocks = (parts, every) | beam.Flatten() | beam.GroupByKey()
    return blocks | "Fold" >> beam.Map(_fold, where) | "Merge" >> _merging(buckets, where)


def _merging(buckets: int, where: str) -> Any:
    """A tree of merges, as wide as it is deep."""
    merging = beam.CombineGlobally(_Merge(where))
    return merging if buckets < FAN_OUT else merging.with_fanout(isqrt(buckets))


def _numbers(count: int, pipeline: Any) -> Any:
    return pipeline | "Numbers" >> beam.Create(range(count)) | beam.Reshuffle()


def _call(number: int, where: str) -> Any:
    with _telling(where):
        return _work(where)(number)


def _split(number: int, where: str) -> Iterator[tuple[int, _Block]]:
    with _telling(where):
        yield from _work(where).split(number)


def _fold(bucket: tuple[int, Iterable[_Block | None]], where: str) -> Any:
    number, blocks = bucket
    with _telling(where):
        return _work(where).fold(number, (one for one in blocks if one is not None))


def _keep(found: Any, where: str) -> None:
    write_bytes(place(where), pickle.dumps(found))


@lru_cache(maxsize=2)
def _work(where: str) -> Any:
    """What a step is to do; read once by each process."""
    return pickle.loads(read_bytes(place(where)))  # noqa: S301 - our own scratch


def _bytes(rows: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    rows.write_ipc(stream, compression="lz4")
    return stream.getvalue()


def _frame(content: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(content))


def _options(given: Sequence[str]) -> PipelineOptions:
    words = list(given)
    if not any(word == "--runner" or word.startswith("--runner=") for word in words):
        words.append("--runner=FnApiRunner")  # Beam's own default downloads a binary
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            options = PipelineOptions(words)
            unknown = set(options.get_all_options(retain_unknown_options=True))
            unknown -= set(options.get_all_options())
    except SystemExit:  # argparse's way
        reason = said.getvalue().strip().rpartition("\n")[2].partition("error: ")[2]
        raise ConfigError(f"Beam refuses its options ({reason}); see docs/beam.md") from None
    if unknown:
        names = ", ".join(f"--{name}" for name in sorted(unknown))
        LOG.warning(
            "Beam knows no option %s: the runner gets it as it is, and may not, either", names
        )
    return options


@contextmanager
def _running(folder: Place, options: PipelineOptions) -> Iterator[None]:
    """Keep Beam's notes off the terminal; what goes wrong is one sentence."""
    notes = logging.getLogger("apache_beam")
    before = notes.level
    if not LOG.isEnabledFor(logging.DEBUG):
        notes.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        with suppress(FileNotFoundError):
            told: PocketrecError = pickle.loads(read_bytes(folder / _ERROR))  # noqa: S301
            raise told from error
        if isinstance(error, PocketrecError):
            raise
        runner = options.get_all_options()["runner"]
        reason = one_line(str(error).strip() or type(error).__name__, 300)
        raise EngineError(
            f"Beam's {runner} failed ({type(error).__name__}: {reason}); --verbose shows where"
        ) from error
    finally:
        notes.setLevel(before)


def _telling(where: str) -> AbstractContextManager[None]:
    return _failures(place(where.rpartition("/")[0]))


@contextmanager
def _failures(folder: Place) -> Iterator[None]:
    """Leave an error of ours where the command finds it, whatever the runner makes of it."""
    try:
        yield
    except PocketrecError as error:
        write_bytes(folder / _ERROR, pickle.dumps(error))
        raise
