"""The table of users, a part for each file: it may be larger than what a machine holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from ..config import Config
from ..places import Place, local
from ..schema import Column
from .catalogue import join, read_file, with_ids
from .files import find_files
from .spread import Spread, one_by_one

KEY = "data.users"


@dataclass(frozen=True)
class Users:
    """USER, and the attributes of each user, of files that were looked at."""

    config: Config
    parts: list[Place]
    together: pl.DataFrame
    """No rows, in dtypes that hold the values of all files."""
    dtype: pl.DataType
    """Of ids."""

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes of what is read."""
        return _finished(self.together, self.dtype, KEY).schema

    @contextmanager
    def opened(self, part: Place) -> Iterator[pl.LazyFrame]:
        """The rows of a file, all of which is in memory."""
        table = join([self.together, _read(part, self.config)], KEY, part)
        yield _finished(table, self.dtype, part.name).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        """Of one file after the other."""
        for part in self.parts:
            with self.opened(part) as rows:
                yield rows


def read_files(config: Config, dtype: pl.DataType, spread: Spread = one_by_one) -> Users:
    """Look at the files behind data.users; their ids will be of `dtype`."""
    where = config.resolve(str(config.data.users))
    files = find_files(where, KEY)
    empty = spread(partial(_look, config=config), files)
    return Users(config, files, join(empty, KEY, where), dtype)


def _look(file: Place, config: Config) -> pl.DataFrame:
    return _read(file, config).clear()


def _read(file: Place, config: Config) -> pl.DataFrame:
    with local(file) as path:
        return read_file(path, f"{KEY}_id", config.data.users_id, None)


def _finished(table: pl.DataFrame, dtype: pl.DataType, name: str) -> pl.DataFrame:
    return with_ids(table, dtype, name).drop(Column.TITLE).rename({Column.ITEM: Column.USER})
