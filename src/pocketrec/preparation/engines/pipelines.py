"""The Beam pipelines of a step: from numbers of tasks, buckets or parts to one merged result.

The elements of a pipeline are numbers. Workers read what to do with them from the step's folder, so
that the pipeline's graph stays small; only a partition moves data, as blocks of a bucket's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import isqrt
from typing import Any

from ...bundle.quiet import quiet
from .runner import reporting_errors
from .step import Step
from .work import Block, Partition

with quiet():
    import apache_beam as beam

FAN_OUT = 16
"""From this many buckets on, several workers merge their results."""

WORK, RESULT = "work", "result"
"""Names of the values in a step's folder: what workers are to do, and what came of it."""


def gather_answers(count: int, pipeline: Any, step: Step) -> Any:
    """Call the work with each number below `count`, and gather the answers in one list."""
    return (
        _numbers(count, pipeline)
        | "Work" >> beam.Map(_call, step)
        | "Gather" >> beam.combiners.ToList()
    )


def reduce_buckets(buckets: int, pipeline: Any, step: Step) -> Any:
    """Call the work with the number of each bucket, and merge the results."""
    results = _numbers(buckets, pipeline) | "Reduce" >> beam.Map(_call, step)
    return results | "Merge" >> _merging(buckets, step)


def partition_log(work: Partition, pipeline: Any, step: Step) -> Any:
    """Split a log's parts into blocks, fold the blocks of each bucket, and merge the results."""
    buckets = work.plan.buckets
    parts = _numbers(len(work.source.parts), pipeline) | "Split" >> beam.FlatMap(_split, step)
    # One empty element per bucket, so that buckets without rows exist too.
    every = pipeline | "Buckets" >> beam.Create([(number, None) for number in range(buckets)])
    blocks = (parts, every) | beam.Flatten() | beam.GroupByKey()
    return blocks | "Fold" >> beam.Map(_fold, step) | "Merge" >> _merging(buckets, step)


def write_result(result: Any, step: Step) -> None:
    """Write the one result of a pipeline to the step's folder, as no runner returns it."""
    step.write(RESULT, result)


class _Merge(beam.CombineFn):  # type: ignore[misc]
    """Merges results of buckets, a few at a time, on any worker."""

    MOST = 8  # results held before they are merged

    def __init__(self, step: Step) -> None:
        self.step = step

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, gathered: list[Any], result: Any) -> list[Any]:
        gathered.append(result)
        return self.compact(gathered) if len(gathered) >= self.MOST else gathered

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        gathered: list[Any] = []
        for accumulator in accumulators:
            for result in accumulator:
                gathered = self.add_input(gathered, result)
        return gathered

    def compact(self, gathered: list[Any]) -> list[Any]:
        return [_read_work(self.step).merge(gathered)] if len(gathered) > 1 else gathered

    def extract_output(self, gathered: list[Any]) -> Any:
        return _read_work(self.step).merge(gathered)


def _merging(buckets: int, step: Step) -> Any:
    """Merge in a tree that is as wide as it is deep, if there are many buckets."""
    merging = beam.CombineGlobally(_Merge(step))
    return merging if buckets < FAN_OUT else merging.with_fanout(isqrt(buckets))


def _numbers(count: int, pipeline: Any) -> Any:
    return pipeline | "Numbers" >> beam.Create(range(count)) | beam.Reshuffle()


def _call(number: int, step: Step) -> Any:
    with reporting_errors(step):
        return _read_work(step)(number)


def _split(number: int, step: Step) -> Iterator[tuple[int, Block]]:
    with reporting_errors(step):
        yield from _read_work(step).split(number)


def _fold(bucket: tuple[int, Iterable[Block | None]], step: Step) -> Any:
    number, blocks = bucket
    with reporting_errors(step):
        return _read_work(step).fold(number, (block for block in blocks if block is not None))


@lru_cache(maxsize=2)
def _read_work(step: Step) -> Any:
    """Read the work of a step, once in each process."""
    return step.read(WORK)
