"""The engine for many machines: each step is an Apache Beam pipeline over bucket files.

Machines exchange blocks of a bucket's rows, never single events. The work of a step and its result
are files in a scratch folder, so that tables of millions of items stay out of pipeline graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ...bundle.quiet import quiet
from ...errors import PocketrecError
from ...ingest.parts import PartedTable
from ...storage.paths import AnyPath, Url, download, remove, write_bytes
from . import Answer, BucketFunction, Buckets, JoinFunction, Plan, Reduction, Task
from .fold import Truncated
from .pipelines import RESULT, WORK, gather_answers, partition_log, reduce_buckets, write_result
from .runner import check_server, read_options, run_quietly, warn_of_local_folder
from .step import Step
from .work import (
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


class BeamBuckets:
    """The bucket files of the last step; see `engines.Buckets`."""

    def __init__(self, engine: BeamEngine, rows: pl.LazyFrame | PartedTable, plan: Plan) -> None:
        self.truncated = Truncated()
        self._engine = engine
        self._plan = plan
        self._source: PartedTable | None = (
            engine.keep(rows, plan.block_rows) if isinstance(rows, pl.LazyFrame) else rows
        )
        self._rows = Rows(engine.scratch)  # not partitioned yet: no step has written files

    def map(self, function: BucketFunction) -> None:
        """Applied the next time a bucket is read."""
        self._rows = Rows(self._rows.folder, (*self._rows.pending, Mapped(function)))

    def join(self, other: Buckets, function: JoinFunction) -> None:
        """Joined bucket by bucket the next time they are read."""
        if not isinstance(other, BeamBuckets):
            raise TypeError("buckets of two engines cannot be joined")
        if other._source is not None:
            other.combine()
        joined = Joined(other._rows, function)
        self._rows = Rows(self._rows.folder, (*self._rows.pending, joined))

    def combine(self, *reductions: Reduction) -> list[pl.DataFrame]:
        """Run one pipeline; the first one also reads and partitions the log."""
        before, source = self._rows, self._source
        folder = self._engine.begin()
        keeps = bool(before.pending) or source is not None
        work = Combine(before, folder if keeps else None, reductions)
        if source is None:
            build = partial(reduce_buckets, self._plan.buckets)
            tables, truncated = self._engine.run(folder, work, build)
        else:
            first = Partition(source, self._plan, work)
            tables, truncated = self._engine.run(folder, first, partial(partition_log, first))
        self.truncated += truncated
        if keeps:
            self._rows, self._source = Rows(folder), None
            self._engine.forget(before.folder)
        return [to_frame(table) for table in tables]

    def write(self, function: BucketFunction, folder: Path) -> None:
        """Workers write the shards to their final place, or to the step's folder to be fetched."""
        self._engine.on_write()
        step = self._engine.begin()
        out = self._engine.out
        target = out / folder.name if out is not None else step
        if out is None and isinstance(step, Path):
            target = folder
            folder.mkdir(parents=True, exist_ok=True)
        work = Write(self._rows, function, target)
        shards = self._engine.run(step, work, partial(gather_answers, self._plan.buckets))
        for name, description in sorted(shards):
            if out is not None:
                self._engine.written[f"{folder.name}/{name}"] = description
            elif isinstance(target, Url):
                download(target / name, folder)


class BeamEngine:
    """Runs steps on any Beam runner; `options` are Beam's own, as on a command line.

    Steps write their files to `scratch`, which all workers must reach. `out` is the place of the
    artifact if it is a URL: workers then write shards there, and `written` describes them.
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
        """Called right before shards are written to `out`, when nothing can be refused any more."""
        self.written: dict[str, dict[str, Any]] = {}
        self._options = read_options(options)
        check_server(self._options)
        self._steps = 0
        if isinstance(scratch, Path):
            warn_of_local_folder(scratch.parent, self._options)

    def map_tasks(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """Run one pipeline for all tasks; answers come in the order of the tasks."""
        if not tasks:
            return []
        work = Tasks(function, list(tasks))
        answers = self.run(self.begin(), work, partial(gather_answers, len(tasks)))
        for _, answer in (ordered := sorted(answers, key=lambda pair: pair[0])):
            if isinstance(answer, PocketrecError):
                raise answer
        return [answer for _, answer in ordered]

    def partition(self, rows: pl.LazyFrame | PartedTable, plan: Plan) -> BeamBuckets:
        """Set up the buckets; the first step that reads them partitions the rows."""
        return BeamBuckets(self, rows, plan)

    def keep(self, rows: pl.LazyFrame, block_rows: int) -> Frames:
        """Write a frame of this process to files of `block_rows` that workers can read."""
        folder = self.begin()
        count = 0
        for block in rows.collect_batches(chunk_size=block_rows):
            write_bytes(folder / f"{count}.arrow", to_bytes(block))
            count += 1
        return Frames(folder, rows.collect_schema(), list(range(count)))

    def begin(self) -> AnyPath:
        """Choose the folder of the next step."""
        self._steps += 1
        return self.scratch / f"step-{self._steps:03d}"

    def forget(self, step: AnyPath) -> None:
        """Remove the files of a step; `scratch` itself, which is no step, stays."""
        if step != self.scratch:
            remove(step)

    def run(self, folder: AnyPath, work: Any, build: Callable[[Any, Step], Any]) -> Any:
        """Run the pipeline that `build` makes for some work, and return its one result."""
        step = Step(str(folder))
        step.write(WORK, work)
        with run_quietly(step, self._options):
            pipeline = beam.Pipeline(options=self._options)
            result = build(pipeline, step)
            _ = result | "Keep" >> beam.Map(write_result, step)
            pipeline.run().wait_until_finish()
        self.on_step()
        return step.read(RESULT)
