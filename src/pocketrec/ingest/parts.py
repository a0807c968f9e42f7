"""Tables split into parts, so that workers can read one part each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import polars as pl


class PartedTable(Protocol):
    """A table in parts that can be read independently."""

    @property
    def parts(self) -> Sequence[Any]:
        """A small description of each part, cheap to send to a worker."""
        ...

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes, the same for every part."""
        ...

    def open_part(self, part: Any) -> AbstractContextManager[pl.LazyFrame]:
        """The rows of one part, valid inside the `with` block."""
        ...

    def frames(self, copies: Path) -> Iterator[pl.LazyFrame]:
        """All rows, frame by frame; remote files may be copied into the folder `copies`."""
        ...
