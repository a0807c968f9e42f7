"""A user's own log: files of events, read lazily under the names of schema.Column.

Reading takes two steps. A pass over each file finds out what its columns hold and refuses unusable
values (see `file_report`). The log then knows how to cast every file, so that each can be read
alone.
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
from ..storage.paths import AnyPath, Url, download, local_copy
from . import event_features, times
from .cast_plan import CastPlan, merge, merge_time_kinds
from .file_report import FileReport, examine, scan_columns
from .files import find_files
from .ids import cast_ids
from .parallel import ParallelMap, map_serially
from .source import READ_ERRORS, Source, unreadable

PART_ROWS = 2**24
"""A Parquet file with more rows is read in parts of this many."""


@dataclass(frozen=True)
class Part:
    """A file of a log, or some rows of a Parquet file; small enough to send to any worker."""

    path: AnyPath
    source: Source
    order: int
    """ORDER of the part's first row: its position in the whole log."""
    begin: int = 0
    rows: int | None = None
    """Rows of the file from `begin` on; None means all of them."""


@dataclass(frozen=True)
class Log:
    """A checked log: its parts, and how their columns are cast."""

    config: Config
    plan: CastPlan
    parts: list[Part]

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return self.plan.rows

    @property
    def schema(self) -> pl.Schema:
        """Columns and dtypes that `scan` returns."""
        empty = pl.DataFrame(schema={**self.plan.schema, Column.ORDER: pl.UInt64})
        return empty.lazy().select(_cast_expressions(self.plan, self.config)).collect_schema()

    @contextmanager
    def open_part(self, part: Part) -> Iterator[pl.LazyFrame]:
        """Scan a part, through a copy if the file is remote; DataError when it cannot be read."""
        with local_copy(part.path) as path:
            try:
                yield self.scan(part, path)
            except READ_ERRORS as error:
                raise unreadable(path, part.source.format, error) from error

    def scan(self, part: Part, path: Path) -> pl.LazyFrame:
        """The rows of a part, whose file is at `path`: USER, ITEM, TIME, [RATING,] features, ORDER
        and [CLOCK]."""
        source = replace(part.source, path=path)
        frame = scan_columns(source, self.config, part.begin, part.rows)
        frame = frame.select(_cast_expressions(self.plan, self.config))
        return frame.with_columns(pl.col(Column.ORDER) + pl.lit(part.order, pl.UInt64))

    def frames(self, copies: Path) -> Iterator[pl.LazyFrame]:
        """All parts as one frame; remote files are copied into `copies`."""
        local: dict[AnyPath, Path] = {}
        for number, path in enumerate(dict.fromkeys(part.path for part in self.parts)):
            # A folder for each file: two files of a log may have the same name.
            if isinstance(path, Url):
                local[path] = download(path, copies / str(number))
            else:
                local[path] = path
        yield pl.concat(self.scan(part, local[part.path]) for part in self.parts)


def open_log(
    config: Config, map_tasks: ParallelMap = map_serially, part_rows: int = PART_ROWS
) -> Log:
    """Check the log behind data.path; `map_tasks` examines its files.

    Raises DataError for a missing column, an empty log, a null id, time or rating, and a time that
    is negative or in two units.
    """
    files = find_files(config.resolve(str(config.data.path)), "data.path")
    examine_file = partial(_examine, config=config)
    reports = map_tasks(examine_file, [(file, None) for file in files])
    kind = merge_time_kinds(reports, config.data)
    # A file whose first time has another kind is examined again, for the kind of the whole log.
    other = [n for n, report in enumerate(reports) if report.time_kind not in (kind, None)]
    again = map_tasks(examine_file, [(files[n], kind) for n in other])
    for n, report in zip(other, again, strict=True):
        reports[n] = report
    return Log(config, merge(reports, config), _split(files, reports, part_rows))


def _examine(task: tuple[AnyPath, times.TimeKind | None], config: Config) -> FileReport:
    where, kind = task
    with local_copy(where) as path:
        return examine(path, config, kind)


def _split(files: list[AnyPath], reports: list[FileReport], part_rows: int) -> list[Part]:
    parts: list[Part] = []
    order = 0
    for file, report in zip(files, reports, strict=True):
        whole = Part(file, report.source, order)
        # Only Parquet can be read from a given row on.
        if report.source.format == "parquet" and report.rows > part_rows:
            for begin in range(0, report.rows, part_rows):
                rows = min(part_rows, report.rows - begin)
                parts.append(replace(whole, order=order + begin, begin=begin, rows=rows))
        else:
            parts.append(whole)
        order += report.rows
    return parts


def _cast_expressions(plan: CastPlan, config: Config) -> list[pl.Expr]:
    schema = plan.schema
    expressions = [
        cast_ids(pl.col(name), schema[name], as_integers=plan.integer_ids[name])
        for name in (Column.USER, Column.ITEM)
    ]
    column, dtype = pl.col(Column.TIME), schema[Column.TIME]
    if config.data.time_format == "order":
        time = times.to_sortable(column, dtype, plan.time_kind)
    else:
        time = times.to_milliseconds(column, dtype, plan.time_kind, plan.time_unit)
    expressions.append(time.alias(Column.TIME))
    if Column.RATING in schema:
        expressions.append(pl.col(Column.RATING).cast(pl.Float32))
    for ours, name in event_features.feature_columns(config).items():
        values = event_features.cast_feature(
            pl.col(ours), schema[ours], config.features.event[name], plan.lists[ours]
        )
        expressions.append(values.alias(ours))
    expressions.append(pl.col(Column.ORDER))
    if config.features.time:
        expressions.append(time.alias(Column.CLOCK))
    return expressions
