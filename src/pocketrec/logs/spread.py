"""Do the same for many small descriptions of work: here, or on the machines of an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Spread(Protocol):
    """Calls a function with each of many tasks; gives the answers in the order of the tasks."""

    def __call__(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """Raises the PocketrecError of the first task that has one."""
        ...


def one_by_one(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
    """In this process, one after the other."""
    return [function(task) for task in tasks]
