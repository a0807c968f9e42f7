"""A log of one's own: files of events, given lazily under the names of schema.Column.

Reading is two steps: a pass over each file finds what its columns hold and refuses what cannot be
right (see `report`); then a log knows how its files are cast, and each can be read by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from ..config.sections import Config
from ..schema import Column
from ..storage.paths import AnyPath, Url, download, local
from . import event_features, times
from .files import READ_ERRORS, Source, find_files, unreadable
from .ids import id_expression
from .report import Reading, Report, examine, kind_of, merge, scan_columns
from .spread import Spread, one_by_one

PART_ROWS = 2**24
"""Rows of a Parquet file from which on it is read in several parts."""


@dataclass(frozen=True)
class Part:
    """A file of a log, or some rows of a Parquet file: small, so that a worker can be told of it.

    `first` is the place of its first row in the log; `rows` None means all of them.
    """

    place: AnyPath
    source: Source
    first: int
    begin: int = 0
    rows: int | None = None


@dataclass(frozen=True)
class Log:
    """A log that was checked: its parts, and how they are read."""

    config: Config
    reading: Reading
    parts: list[Part]

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return self.reading.rows

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes of what `scan` gives."""
        empty = pl.DataFrame(schema={**self.reading.schema, Column.ORDER: pl.UInt64})
        return empty.lazy().select(_expressions(self.reading, self.config)).collect_schema()

    @contextmanager
    def opened(self, part: Part) -> Iterator[pl.LazyFrame]:
        """Scan a part, of a copy if the file is elsewhere; DataError when it cannot be read."""
        with local(part.place) as path:
            try:
                yield self.scan(part, path)
            except READ_ERRORS as error:
                raise unreadable(path, part.source.format, error) from error

    def scan(self, part: Part, path: Path) -> pl.LazyFrame:
        """The rows of a part as USER, ITEM, TIME, [RATING,] features, ORDER and [CLOCK]."""
        source = replace(part.source, path=path)
        frame = scan_columns(source, self.config, part.begin, part.rows)
        frame = frame.select(_expressions(self.reading, self.config))
        return frame.with_columns(pl.col(Column.ORDER) + pl.lit(part.first, pl.UInt64))

    def frames(self, copies: Path) -> Iterator[pl.LazyFrame]:
        """All parts as one; files that are elsewhere are copied into `copies`."""
        paths: dict[AnyPath, Path] = {}
        for number, where in enumerate(dict.fromkeys(part.place for part in self.parts)):
            path = where
            if isinstance(path, Url):
                path = download(path, copies / str(number))
            paths[where] = path
        yield pl.concat(self.scan(part, paths[part.place]) for part in self.parts)


def read_files(config: Config, spread: Spread = one_by_one) -> Log:
    """Check the log behind data.path, each file where `spread` has it read.

    Raises DataError for a missing column, an empty log, a null id, time or rating, and a time that
    is negative or in two units.
    """
    files = find_files(config.resolve(str(config.data.path)), "data.path")
    look = partial(_examine, config=config)
    reports = spread(look, [(file, None) for file in files])
    kind = kind_of(reports, config.data)
    # The first value of another file may have told something else.
    other = [n for n, report in enumerate(reports) if report.kind not in (kind, None)]
    for n, report in zip(other, spread(look, [(files[n], kind) for n in other]), strict=True):
        reports[n] = report
    return Log(config, merge(reports, config), _parts(files, reports))


def _examine(task: tuple[AnyPath, times.TimeKind | None], config: Config) -> Report:
    where, kind = task
    with local(where) as path:
        return examine(path, config, kind)


def _parts(files: list[AnyPath], reports: list[Report]) -> list[Part]:
    parts: list[Part] = []
    first = 0
    for file, report in zip(files, reports, strict=True):
        whole = Part(file, report.source, first)
        if report.source.format == "parquet" and report.rows > PART_ROWS:
            for begin in range(0, report.rows, PART_ROWS):
                rows = min(PART_ROWS, report.rows - begin)
                parts.append(replace(whole, first=first + begin, begin=begin, rows=rows))
        else:
            parts.append(whole)
        first += report.rows
    return parts


def _expressions(reading: Reading, config: Config) -> list[pl.Expr]:
    """How each column is cast."""
    schema = reading.schema
    expressions = [
        id_expression(pl.col(name), schema[name], reading.plain[name])
        for name in (Column.USER, Column.ITEM)
    ]
    column, dtype = pl.col(Column.TIME), schema[Column.TIME]
    if config.data.time_format == "order":
        time = times.order(column, dtype, reading.kind)
    else:
        time = times.milliseconds(column, dtype, reading.kind, reading.unit)
    expressions.append(time.alias(Column.TIME))
    if Column.RATING in schema:
        expressions.append(pl.col(Column.RATING).cast(pl.Float32))
    for ours, name in event_features.columns(config).items():
        values = event_features.expression(
            pl.col(ours), schema[ours], config.features.event[name], reading.lists[ours]
        )
        expressions.append(values.alias(ours))
    expressions.append(pl.col(Column.ORDER))
    if config.features.time:
        expressions.append(time.alias(Column.CLOCK))
    return expressions
