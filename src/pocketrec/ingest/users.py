"""The table of users, a part for each file: it may be larger than what a machine holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from ..config.sections import Config
from ..errors import DataError
from ..schema import Column
from ..storage.paths import AnyPath, local
from .catalogue import join, read_file, with_ids
from .files import find_files
from .spread import Spread, one_by_one

KEY = "data.users"


@dataclass(frozen=True)
class Users:
    """USER, and the attributes of each user, of files that were looked at."""

    config: Config
    parts: list[AnyPath]
    together: pl.DataFrame
    """No rows, in dtypes that hold the values of all files."""
    dtype: pl.DataType
    """Of ids."""

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes of what is read."""
        return _finished(self.together, self.dtype, KEY).schema

    @contextmanager
    def opened(self, part: AnyPath) -> Iterator[pl.LazyFrame]:
        """The rows of a file, all of which is in memory."""
        rows = _as_told(_read(part, self.config), self.together.schema)
        table = join([self.together, rows], KEY, part)
        yield _finished(table, self.dtype, part.name).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        """Of one file after the other."""
        for part in self.parts:
            with self.opened(part) as rows:
                yield rows


def read_files(config: Config, dtype: pl.DataType, spread: Spread = one_by_one) -> Users:
    """Look at the files behind data.users; their ids will be of `dtype`.

    Raises DataError when they do not fit together, or have no rows at all.
    """
    where = config.resolve(str(config.data.users))
    files = find_files(where, KEY)
    looks = spread(partial(_look, config=config), files)
    if not any(rows for _, rows in looks):
        raise DataError(
            f"{KEY} = '{where.name}' has no rows: fill it, or leave [features.user] out"
        )
    empty = [table for table, _ in looks]
    told = {column: dtype for one in empty for column, dtype in _told(one).items()}
    return Users(config, files, join([_as_told(one, told) for one in empty], KEY, where), dtype)


def _look(file: AnyPath, config: Config) -> tuple[pl.DataFrame, int]:
    table = _read(file, config)
    return table.clear(), table.height


def _read(file: AnyPath, config: Config) -> pl.DataFrame:
    """A file; a column of text without a value may be anything, and is of dtype Null."""
    with local(file) as path:
        table = read_file(path, f"{KEY}_id", config.data.users_id, None)
    blank = [one for one in table if one.dtype == pl.String and one.null_count() == len(one)]
    return table.with_columns(one.cast(pl.Null) for one in blank)


def _told(table: pl.DataFrame) -> dict[str, pl.DataType]:
    return {column: dtype for column, dtype in table.schema.items() if dtype != pl.Null}


def _as_told(table: pl.DataFrame, told: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Columns without a value in the dtype that other files tell, or else as text."""
    return table.cast(
        {
            column: told.get(column, pl.String())
            for column, dtype in table.schema.items()
            if dtype == pl.Null
        }
    )


def _finished(table: pl.DataFrame, dtype: pl.DataType, name: str) -> pl.DataFrame:
    return with_ids(table, dtype, name).drop(Column.TITLE).rename({Column.ITEM: Column.USER})
