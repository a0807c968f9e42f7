"""Do the same for many small descriptions of work: here, or on the machines of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Spread(Protocol):
    """Calls a function with each of many tasks; gives the answers in the order of the tasks."""

    def __call__(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
        """Raises the PocketrecError of the first task that has one."""
        ...


class Parted(Protocol):
    """Rows in parts, each of which a worker can be told of and read by itself."""

    @property
    def parts(self) -> Sequence[Any]:
        """Small descriptions."""
        ...

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes of all parts."""
        ...

    def opened(self, part: Any) -> AbstractContextManager[pl.LazyFrame]:
        """The rows of a part, for as long as they are needed."""
        ...

    def frames(self, copies: Path) -> Iterator[pl.LazyFrame]:
        """All rows, one frame after the other; what is elsewhere may be copied into a folder."""
        ...


def one_by_one(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
    """In this process, one after the other."""
    return [function(task) for task in tasks]
