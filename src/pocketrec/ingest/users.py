"""The table of users, one part per file: all of it may exceed one machine's memory."""

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
from ..storage.paths import AnyPath, local_copy
from .catalogue import cast_item_ids, concat_tables, read_table
from .files import find_files
from .parallel import ParallelMap, map_serially

KEY = "data.users"


@dataclass(frozen=True)
class Users:
    """USER and the attributes of each user, in files that were examined."""

    config: Config
    parts: list[AnyPath]
    empty: pl.DataFrame
    """A table without rows, in dtypes that hold the values of all files."""
    id_dtype: pl.DataType

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes of every part."""
        return _finish(self.empty, self.id_dtype, KEY).schema

    @contextmanager
    def open_part(self, part: AnyPath) -> Iterator[pl.LazyFrame]:
        """The rows of one file, read into memory."""
        rows = _fill_dtypes(_read(part, self.config), self.empty.schema)
        table = concat_tables([self.empty, rows], KEY, part)
        yield _finish(table, self.id_dtype, part.name).lazy()

    def frames(self, _: Path) -> Iterator[pl.LazyFrame]:
        """The rows of one file after another."""
        for part in self.parts:
            with self.open_part(part) as rows:
                yield rows


def open_users(
    config: Config, id_dtype: pl.DataType, map_tasks: ParallelMap = map_serially
) -> Users:
    """Examine the files behind data.users; their ids become `id_dtype`.

    Raises DataError when the files do not fit together, or have no rows at all.
    """
    where = config.resolve(str(config.data.users))
    files = find_files(where, KEY)
    examined = map_tasks(partial(_examine, config=config), files)
    if not any(rows for _, rows in examined):
        raise DataError(
            f"{KEY} = '{where.name}' has no rows: add a row for each user, or leave "
            "[features.user] out"
        )
    tables = [table for table, _ in examined]
    known = {column: dtype for table in tables for column, dtype in _known_dtypes(table).items()}
    empty = concat_tables([_fill_dtypes(table, known) for table in tables], KEY, where)
    return Users(config, files, empty, id_dtype)


def _examine(file: AnyPath, config: Config) -> tuple[pl.DataFrame, int]:
    """A file's table without its rows, and their number."""
    table = _read(file, config)
    return table.clear(), table.height


def _read(file: AnyPath, config: Config) -> pl.DataFrame:
    """One file's table; a text column without any value gets dtype Null.

    A CSV cannot tell the type of such a column, but another file of the table may.
    """
    with local_copy(file) as path:
        table = read_table(path, f"{KEY}_id", config.data.users_id, None)
    blank = [c for c in table if c.dtype == pl.String and c.null_count() == len(c)]
    return table.with_columns(column.cast(pl.Null) for column in blank)


def _known_dtypes(table: pl.DataFrame) -> dict[str, pl.DataType]:
    return {column: dtype for column, dtype in table.schema.items() if dtype != pl.Null}


def _fill_dtypes(table: pl.DataFrame, known: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Give columns without a value the dtype that other files have, or else String."""
    return table.cast(
        {
            column: known.get(column, pl.String())
            for column, dtype in table.schema.items()
            if dtype == pl.Null
        }
    )


def _finish(table: pl.DataFrame, id_dtype: pl.DataType, name: str) -> pl.DataFrame:
    table = cast_item_ids(table, id_dtype, name)
    return table.drop(Column.TITLE).rename({Column.ITEM: Column.USER})
