"""Many machines: each step is an Apache Beam pipeline over bucket files in a scratch folder.

What goes between machines are blocks of a bucket's rows, never single events. A step is described
in a file of the scratch folder, so that a table of millions of items is no part of a pipeline's
graph; what it finds comes back in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from math import isqrt
from pathlib import Path
from typing import Any

import polars as pl

from ...bundle.quiet import quiet
from ...errors import PocketrecError
from ...ingest.parts import PartedTable
from ...storage.paths import AnyPath, Url, download, remove, write_bytes
from . import Answer, BucketFunction, Buckets, JoinFunction, Plan, Reduction, Task
from .fold import Cut
from .runner import check_server, mention_folder, read_options, running, telling
from .step import Step
from .work import (
    BLOCK_ROWS,
    Block,
    Combine,
    Frames,
    Joined,
    Mapped,
    Partition,
    Rows,
    Tasks,
    Write,
    to_bytes,
    to_frame,
)

with quiet():
    import apache_beam as beam

FAN_OUT = 16
"""Buckets from which on what is found of them is merged by several workers at once."""

_WORK, _FOUND = "work", "found"


class BeamBuckets:
    """Bucket files of the last step; see `engines.Buckets`."""

    def __init__(self, engine: BeamEngine, rows: pl.LazyFrame | PartedTable, plan: Plan) -> None:
        self.cut = Cut()
        self._engine = engine
        self._plan = plan
        self._source: PartedTable | None = (
            engine.keep(rows) if isinstance(rows, pl.LazyFrame) else rows
        )
        self._rows = Rows(engine.scratch)  # of no step yet

    def map(self, function: BucketFunction) -> None:
        """Applied when a bucket is next read."""
        self._rows = Rows(self._rows.folder, (*self._rows.pending, Mapped(function)))

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Bucket by bucket, when next they are read."""
        if not isinstance(other, BeamBuckets):
            raise TypeError("buckets of two engines cannot be joined")
        if other._source is not None:
            other.combine()
        joined = Joined(other._rows, function)
        self._rows = Rows(self._rows.folder, (*self._rows.pending, joined))

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """One pipeline: the first reads and partitions the log, too."""
        before, source = self._rows, self._source
        folder = self._engine.begin()
        keeps = bool(before.pending) or source is not None
        work = Combine(before, folder if keeps else None, reductions)
        if source is None:
            found, cut = self._engine.run(folder, work, partial(_reduced, self._plan.buckets))
        else:
            partition = Partition(source, self._plan, work)
            found, cut = self._engine.run(folder, partition, partial(_partitioned, partition))
        self.cut += cut
        if keeps:
            self._rows, self._source = Rows(folder), None
            self._engine.forget(before.folder)
        return [to_frame(table) for table in found]

    def write(self, function: BucketFunction, folder: Path) -> None:
        """Workers write the shards where they are to be, or else they are fetched from there."""
        self._engine.on_write()
        step = self._engine.begin()
        out = self._engine.out
        target = out / folder.name if out is not None else step
        if out is None and isinstance(step, Path):
            target = folder
            folder.mkdir(parents=True, exist_ok=True)
        work = Write(self._rows, function, target)
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
        scratch: AnyPath,
        options: Sequence[str] = (),
        on_step: Callable[[], None] = lambda: None,
        out: Url | None = None,
    ) -> None:
        self.scratch = scratch
        self.out = out
        self.on_step = on_step
        self.on_write: Callable[[], None] = lambda: None
        """Called when all is known, right before shards are written to `out`."""
        self.written: dict[str, dict[str, Any]] = {}
        self._options = read_options(options)
        check_server(self._options)
        self._steps = 0
        if isinstance(scratch, Path):
            mention_folder(scratch.parent, self._options)

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """One pipeline for all tasks; their answers in order."""
        if not tasks:
            return []
        work = Tasks(function, list(tasks))
        answers = self.run(self.begin(), work, partial(_answered, len(tasks)))
        for _, answer in (ordered := sorted(answers, key=lambda pair: pair[0])):
            if isinstance(answer, PocketrecError):
                raise answer
        return [answer for _, answer in ordered]

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> BeamBuckets:
        """Done with the first step that reads the buckets."""
        return BeamBuckets(self, rows, plan)

    def keep(self, rows: pl.LazyFrame) -> Frames:
        """A frame of this process as files that workers can read."""
        folder = self.begin()
        count = 0
        for block in rows.collect_batches(chunk_size=BLOCK_ROWS):
            write_bytes(folder / f"{count}.arrow", to_bytes(block))
            count += 1
        return Frames(folder, rows.collect_schema(), list(range(count)))

    def begin(self) -> AnyPath:
        """The folder of the next step."""
        self._steps += 1
        return self.scratch / f"step-{self._steps:03d}"

    def forget(self, step: AnyPath) -> None:
        """Remove what a step left, if it was one."""
        if step != self.scratch:
            remove(step)

    def run(self, folder: AnyPath, work: Any, build: Callable[[Any, Step], Any]) -> Any:
        """Run a pipeline for some work, of which `build` makes a collection of one value."""
        step = Step(str(folder))
        step.leave(_WORK, work)
        with running(step, self._options):
            pipeline = beam.Pipeline(options=self._options)
            found = build(pipeline, step)
            _ = found | "Keep" >> beam.Map(_keep, step)
            pipeline.run().wait_until_finish()
        self.on_step()
        return step.find(_FOUND)


class _Merge(beam.CombineFn):  # type: ignore[misc]
    """Merges what was found of buckets, some at a time, wherever they are."""

    MOST = 8  # that are held before they are merged

    def __init__(self, step: Step) -> None:
        self.step = step

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
        return [_work(self.step).merge(gathered)] if len(gathered) > 1 else gathered

    def extract_output(self, gathered: list[Any]) -> Any:
        return _work(self.step).merge(gathered)


def _answered(count: int, pipeline: Any, step: Step) -> Any:
    """All answers of a work as one list."""
    return (
        _numbers(count, pipeline)
        | "Work" >> beam.Map(_call, step)
        | "Gather" >> beam.combiners.ToList()
    )


def _reduced(buckets: int, pipeline: Any, step: Step) -> Any:
    found = _numbers(buckets, pipeline) | "Reduce" >> beam.Map(_call, step)
    return found | "Merge" >> _merging(buckets, step)


def _partitioned(partition: Partition, pipeline: Any, step: Step) -> Any:
    buckets = partition.plan.buckets
    parts = _numbers(len(partition.source.parts), pipeline) | "Split" >> beam.FlatMap(_split, step)
    # So that a bucket without rows is there, too.
    every = pipeline | "Buckets" >> beam.Create([(number, None) for number in range(buckets)])
    blocks = (parts, every) | beam.Flatten() | beam.GroupByKey()
    return blocks | "Fold" >> beam.Map(_fold, step) | "Merge" >> _merging(buckets, step)


def _merging(buckets: int, step: Step) -> Any:
    """A tree of merges, as wide as it is deep."""
    merging = beam.CombineGlobally(_Merge(step))
    return merging if buckets < FAN_OUT else merging.with_fanout(isqrt(buckets))


def _numbers(count: int, pipeline: Any) -> Any:
    return pipeline | "Numbers" >> beam.Create(range(count)) | beam.Reshuffle()


def _call(number: int, step: Step) -> Any:
    with telling(step):
        return _work(step)(number)


def _split(number: int, step: Step) -> Iterator[tuple[int, Block]]:
    with telling(step):
        yield from _work(step).split(number)


def _fold(bucket: tuple[int, Iterable[Block | None]], step: Step) -> Any:
    number, blocks = bucket
    with telling(step):
        return _work(step).fold(number, (one for one in blocks if one is not None))


def _keep(found: Any, step: Step) -> None:
    step.leave(_FOUND, found)


@lru_cache(maxsize=2)
def _work(step: Step) -> Any:
    """What a step is to do; read once by each process."""
    return step.find(_WORK)
