"""Run one function over many tasks, in this process or on the workers of an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class ParallelMap(Protocol):
    """A parallel `map`: call a function with each task, return the results in task order."""

    def __call__(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """Raises the PocketrecError of the first task, in task order, that raised one."""
        ...


def map_serially(function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """The map without parallelism: one task after another in this process."""
    return [function(task) for task in tasks]
