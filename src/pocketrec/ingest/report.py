"""What the files of a log hold: a report of each, made where the file is, and the reports merged.

Both are pure functions, so that the files of one log may be looked at by many machines at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from ..config.data import DataConfig
from ..config.sections import Config
from ..errors import DataError, shown
from ..schema import Column
from . import event_features, times
from .checks import CHECKED, checked_time, checks_of, columns, time_kind
from .files import (
    READ_ERRORS,
    Source,
    check_rows,
    listed,
    open_source,
    require_column,
    scan,
    unreadable,
)
from .ids import is_canonical, plain

ALIASES: dict[str, tuple[str, ...]] = {
    Column.USER: ("user", "user_id", "userid", "uid", "customer_id", "visitor_id", "session_id"),
    Column.ITEM: ("item", "item_id", "itemid", "movie_id", "movieid", "product_id", "sku"),
    Column.TIME: ("timestamp", "time", "ts", "datetime", "date", "created_at", "event_time"),
    Column.RATING: ("rating", "ratings", "score", "stars"),
}
"""Names that logs often use, tried before the mere likeness of letters."""


@dataclass(frozen=True)
class Bad:
    """Rows of a file whose value in one column cannot be used."""

    rows: int
    first: int
    """Row of the file, from 0."""
    value: Any
    """What the first of them holds."""


@dataclass(frozen=True)
class Report:
    """What one file holds."""

    source: Source
    schema: dict[str, pl.DataType]
    """Of our columns, in their plain dtypes."""
    kind: times.TimeKind | None
    """What the times are; None where there is none to tell by."""
    rows: int
    filled: int
    """Rows that are not blank, or 0 where it is not known."""
    low: float | None
    high: float | None
    """First and last time, as it stands there."""
    whole: bool
    """Whether times in text are integers."""
    plain: dict[str, bool]
    """Whether the ids of a column are plain integers."""
    lists: dict[str, bool]
    """Whether text of a feature stands for several values."""
    bad: dict[str, Bad]


@dataclass(frozen=True)
class Reading:
    """How each column of a log is to be cast: what the reports say together."""

    rows: int
    schema: dict[str, pl.DataType]
    kind: times.TimeKind
    unit: Literal["seconds", "milliseconds"]
    plain: dict[str, bool]
    lists: dict[str, bool]


def examine(path: Path, config: Config, kind: times.TimeKind | None = None) -> Report:
    """Read a file once, streaming; `kind` is what its times are to be, None: see for oneself.

    Raises DataError for a file that cannot be read, or lacks a column, and for rows with too many
    or too few fields.
    """
    data, features = config.data, event_features.columns(config)
    source = open_source(path)
    for ours, name in columns(config).items():
        key = f"features.event.{name}" if ours in features else f"data.{ours}"
        require_column(source, name, key, ALIASES.get(ours, ()))
    filled = check_rows(source)
    try:
        frame = scan_columns(source, config)
        schema = frame.collect_schema()
        found = time_kind(frame, schema[Column.TIME], data) if kind is None else kind
        checks = checks_of(schema, found or "text", config)
        # Reading a time out of text is the dear part: once, for all checks of it.
        time = checked_time(schema[Column.TIME], found or "text", data).alias(CHECKED)
        told = frame.with_columns(time).select(**checks).collect(engine="streaming")
        row = told.row(0, named=True)
        bad = {name: _bad(frame, name, row) for name in schema if row.get(f"bad {name}")}
    except READ_ERRORS as error:
        raise unreadable(source.path, source.format, error) from None
    return Report(
        source=source,
        schema={name: schema[name] for name in columns(config)},
        kind=found,
        rows=row["rows"],
        filled=filled,
        low=row["low"],
        high=row["high"],
        whole=bool(row.get("whole")),
        plain={name: is_canonical(row[f"plain {name}"]) for name in (Column.USER, Column.ITEM)},
        lists={name: bool(row[f"lists {name}"]) for name in features},
        bad=bad,
    )


def scan_columns(
    source: Source, config: Config, begin: int = 0, rows: int | None = None
) -> pl.LazyFrame:
    """A file's columns under our names, in their plain dtypes, and ORDER, which counts from 0.

    Of Parquet some rows can be asked for; of text the blank ones are left out, and not counted.
    """
    names, features = columns(config), event_features.columns(config)
    frame = scan(source, dict.fromkeys(names.values()), begin, rows)
    frame = frame.select(pl.col(name).alias(ours) for ours, name in names.items())
    schema = frame.collect_schema()
    frame = frame.select(
        plain(pl.col(ours), schema[ours], name, source.path.name, lists=ours in features)
        for ours, name in names.items()
    )
    return frame.with_row_index(Column.ORDER).with_columns(pl.col(Column.ORDER).cast(pl.UInt64))


def kind_of(reports: Sequence[Report], data: DataConfig) -> times.TimeKind:
    """What the times of a log are: text is judged by its first value.

    But of an order that is text all must be numbers, or none counts as one.
    """
    kinds = [report.kind for report in reports if report.kind is not None]
    if data.time_format == "order" and "text" in kinds:
        return "text"
    return kinds[0] if kinds else "text"


def merge(reports: Sequence[Report], config: Config) -> Reading:
    """Say of all files of a log, in order, how they are to be read.

    Raises DataError for files that do not fit together, no rows, and values that cannot be right.
    """
    data, names = config.data, columns(config)
    _check_alike(reports, names)
    rows, filled = (sum(getattr(report, name) for report in reports) for name in ("rows", "filled"))
    if rows == 0:
        raise DataError(f"'{data.path}' holds no events: it has column names but no rows")
    if (lost := filled - rows) > 0:
        raise DataError(
            f"{lost} rows of '{data.path}' are not blank, and yet have nothing in the columns "
            f"{listed([*names.values()])}: remove or repair them"
        )
    kind = kind_of(reports, data)
    for ours, name in names.items():
        if any(ours in report.bad for report in reports):
            raise _bad_value(reports, ours, name, kind)
    _check_format(kind, data)
    if kind == "number" and all(report.whole for report in reports if report.rows):
        kind = "integer"
    lows = [report.low for report in reports if report.low is not None]
    highs = [report.high for report in reports if report.high is not None]
    return Reading(
        rows=rows,
        schema=reports[0].schema,
        kind=kind,
        unit=_unit(min(lows), max(highs), kind, data),
        plain={n: all(r.plain[n] for r in reports if r.rows) for n in (Column.USER, Column.ITEM)},
        lists={n: any(r.lists[n] for r in reports) for n in reports[0].lists},
    )


def _check_alike(reports: Sequence[Report], names: dict[str, str]) -> None:
    first = reports[0]
    for other in reports[1:]:
        here, there = other.source, first.source
        # The keys of a JSON object are optional; a table's columns are not.
        if there.format != "jsonl" and set(here.columns) != set(there.columns):
            raise DataError(
                f"{here.path.name} has other columns than {there.path.name}: "
                f"{listed(here.columns)} and {listed(there.columns)}; "
                "files of one log must have the same columns"
            )
        for ours, name in names.items():
            if other.schema[ours] != first.schema[ours]:
                raise DataError(
                    f"column '{name}' is {other.schema[ours]} in {here.path.name} and "
                    f"{first.schema[ours]} in {there.path.name}; files of one log must agree"
                )


def _bad(frame: pl.LazyFrame, name: str, row: dict[str, Any]) -> Bad:
    first = row[f"first {name}"]
    (value,) = frame.filter(pl.col(Column.ORDER) == first).select(name).collect().get_column(name)
    value = value.to_list() if isinstance(value, pl.Series) else value
    return Bad(row[f"bad {name}"], first, value)


def _bad_value(reports: Sequence[Report], ours: str, name: str, kind: times.TimeKind) -> DataError:
    """Say how many rows cannot be used and show the first of them, by its row of its file."""
    files = [report for report in reports if ours in report.bad]
    found = [report.bad[ours] for report in files]
    first = found[0]
    where = f" of {files[0].source.path.name}" if len(reports) > 1 else ""
    time = {"text": "an ISO 8601 time from 1970 on", "moment": "a date from 1970 on"}
    expected = {
        Column.TIME: time.get(kind, "a number that is not negative"),
        Column.USER: "an id",
        Column.ITEM: "an id",
    }.get(ours, "a number")
    value = "nothing" if first.value is None or first.value == "" else shown(first.value)
    return DataError(
        f"column '{name}' is not usable in {sum(bad.rows for bad in found)} of "
        f"{sum(report.rows for report in reports)} rows; the first is row {first.first + 1}"
        f"{where}, which has {value} instead of {expected}: repair or remove these rows"
    )


def _check_format(kind: times.TimeKind, data: DataConfig) -> None:
    """Raise DataError when a column of times is not of the format that is set."""
    wanted = {"seconds": ("integer", "number"), "milliseconds": ("integer", "number")}
    allowed = wanted.get(data.time_format, ("text", "moment"))
    if data.time_format not in ("auto", "order") and kind not in allowed:
        found = {"text": "text", "moment": "dates"}.get(kind, "numbers")
        raise DataError(
            f"column '{data.time}' holds {found}, which is not data.time_format = "
            f'"{data.time_format}"; leave data.time_format out to have it found'
        )


def _unit(
    low: float, high: float, kind: times.TimeKind, data: DataConfig
) -> Literal["seconds", "milliseconds"]:
    """The unit of times that are numbers; DataError when they are of no moment in it."""
    unit: Literal["seconds", "milliseconds"] = "milliseconds"
    if data.time_format == "order":
        return unit
    if kind in ("integer", "number"):
        if data.time_format in ("seconds", "milliseconds"):
            unit = data.time_format
        else:
            unit = times.unit_of(low, high, data.time)
    if high * (1000 if unit == "seconds" else 1) >= times.LAST_MOMENT:
        raise DataError(
            f"column '{data.time}' holds {high:.0f}, which is after the year 9999 in "
            f'{unit}; divide micro- or nanoseconds, or set data.time_format = "order"'
        )
    return unit
