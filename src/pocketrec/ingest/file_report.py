"""What one log file holds: its columns, its kinds of values, and the rows that are unusable.

`examine` is a pure function, so that many machines can examine the files of one log at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..config.sections import Config
from ..schema import Column
from . import event_features, times
from .checks import TIME_VALUE, check_expressions, detect_time_kind, log_columns, time_value
from .column_names import require_column
from .ids import to_basic
from .row_lengths import check_row_lengths
from .source import READ_ERRORS, Source, open_source, scan, unreadable

ALIASES: dict[str, tuple[str, ...]] = {
    Column.USER: ("user", "user_id", "userid", "uid", "customer_id", "visitor_id", "session_id"),
    Column.ITEM: ("item", "item_id", "itemid", "movie_id", "movieid", "product_id", "sku"),
    Column.TIME: ("timestamp", "time", "ts", "datetime", "date", "created_at", "event_time"),
    Column.RATING: ("rating", "ratings", "score", "stars"),
}
"""Names that logs often use: an error suggests them before a merely similar spelling."""


@dataclass(frozen=True)
class Unusable:
    """The rows of a file whose value in one column cannot be used."""

    count: int
    first_row: int
    """Counted from 0 within the file."""
    first_value: Any


@dataclass(frozen=True)
class FileReport:
    """What one file of a log holds."""

    source: Source
    schema: dict[str, pl.DataType]
    """By our column names, in their basic dtypes."""
    time_kind: times.TimeKind | None
    """None when the file has no time to tell by."""
    rows: int
    filled: int
    """Rows that are not blank; 0 where that was not counted."""
    low: float | None
    high: float | None
    """Lowest and highest time, in the file's own unit."""
    whole: bool
    """Whether all times that are text are integers."""
    integer_ids: dict[str, bool]
    """Whether all ids of a column are plain integers."""
    lists: dict[str, bool]
    """Whether any text of a feature holds several values."""
    unusable: dict[str, Unusable]


def examine(path: Path, config: Config, time_kind: times.TimeKind | None = None) -> FileReport:
    """Read a file once, streaming; `time_kind` None detects the kind of its times.

    Raises DataError for a file that cannot be read or lacks a column, and for rows with too many
    or too few fields.
    """
    columns, features = log_columns(config), event_features.feature_columns(config)
    source = open_source(path)
    for column, name in columns.items():
        key = f"features.event.{name}" if column in features else f"data.{column}"
        require_column(source, name, key, ALIASES.get(column, ()))
    filled = check_row_lengths(source)
    try:
        frame = scan_columns(source, config)
        schema = frame.collect_schema()
        if time_kind is None:
            time_kind = detect_time_kind(frame, schema[Column.TIME], config.data)
        kind = time_kind or "text"
        # Parsing times is the expensive part: do it once, for all checks that need it.
        time = time_value(schema[Column.TIME], kind, config.data).alias(TIME_VALUE)
        checks = frame.with_columns(time).select(**check_expressions(schema, kind, config))
        result = checks.collect(engine="streaming").row(0, named=True)
        unusable = {
            name: _unusable(frame, name, result)
            for name in schema
            if result.get(f"unusable {name}")
        }
    except READ_ERRORS as error:
        raise unreadable(source.path, source.format, error) from None
    return FileReport(
        source=source,
        schema={name: schema[name] for name in columns},
        time_kind=time_kind,
        rows=result["rows"],
        filled=filled,
        low=result["low"],
        high=result["high"],
        whole=bool(result.get("whole")),
        # None, of a column without rows, counts as no.
        integer_ids={name: bool(result[f"integers {name}"]) for name in (Column.USER, Column.ITEM)},
        lists={name: bool(result[f"lists {name}"]) for name in features},
        unusable=unusable,
    )


def scan_columns(
    source: Source, config: Config, begin: int = 0, rows: int | None = None
) -> pl.LazyFrame:
    """A file's columns under our names, in their basic dtypes, and ORDER, counted from 0.

    `begin` and `rows` select rows of a Parquet file; in text files blank rows are not counted.
    """
    columns, features = log_columns(config), event_features.feature_columns(config)
    frame = scan(source, dict.fromkeys(columns.values()), begin, rows)
    frame = frame.select(pl.col(name).alias(column) for column, name in columns.items())
    schema = frame.collect_schema()
    frame = frame.select(
        to_basic(pl.col(column), schema[column], name, source.path.name, lists=column in features)
        for column, name in columns.items()
    )
    return frame.with_row_index(Column.ORDER).with_columns(pl.col(Column.ORDER).cast(pl.UInt64))


def _unusable(frame: pl.LazyFrame, name: str, result: dict[str, Any]) -> Unusable:
    """Read the file again up to the first unusable row, to show its value."""
    first = result[f"first unusable {name}"]
    (value,) = frame.filter(pl.col(Column.ORDER) == first).select(name).collect().get_column(name)
    value = value.to_list() if isinstance(value, pl.Series) else value
    return Unusable(result[f"unusable {name}"], first, value)
