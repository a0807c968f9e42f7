"""How the columns of a log are cast: what the reports of all its files say together.

`merge` is a pure function of the reports, which may come from many machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ..config.data import DataConfig
from ..config.sections import Config
from ..errors import DataError, shown
from ..schema import Column
from . import times
from .checks import log_columns
from .column_names import join_names
from .file_report import FileReport


@dataclass(frozen=True)
class CastPlan:
    """The dtypes of a log's columns, and what is needed to cast them."""

    rows: int
    schema: dict[str, pl.DataType]
    time_kind: times.TimeKind
    time_unit: times.TimeUnit
    integer_ids: dict[str, bool]
    lists: dict[str, bool]


def merge_time_kinds(reports: Sequence[FileReport], data: DataConfig) -> times.TimeKind:
    """The kind of a log's times: the one that its first file's first value has.

    But under time_format "order" all files must hold numbers, or all count as text.
    """
    kinds = [report.time_kind for report in reports if report.time_kind is not None]
    if data.time_format == "order" and "text" in kinds:
        return "text"
    return kinds[0] if kinds else "text"


def merge(reports: Sequence[FileReport], config: Config) -> CastPlan:
    """Decide from the reports of a log's files, in order, how all of them are cast.

    Raises DataError for files that do not fit together, a log without rows, and unusable values.
    """
    data, columns = config.data, log_columns(config)
    _check_same_columns(reports, columns)
    rows, filled = (sum(getattr(report, name) for report in reports) for name in ("rows", "filled"))
    if rows == 0:
        raise DataError(f"'{data.path}' holds no events: it has column names but no rows")
    if (lost := filled - rows) > 0:
        raise DataError(
            f"{lost} rows of '{data.path}' are not blank, but are empty in the columns "
            f"{join_names([*columns.values()])}: fill in or remove these rows"
        )
    kind = merge_time_kinds(reports, data)
    for column, name in columns.items():
        if any(column in report.unusable for report in reports):
            raise _unusable_values(reports, column, name, kind)
    _check_time_format(kind, data)
    if kind == "float" and all(report.whole for report in reports if report.rows):
        kind = "integer"  # times beyond 2**53 stay exact
    lows = [report.low for report in reports if report.low is not None]
    highs = [report.high for report in reports if report.high is not None]
    return CastPlan(
        rows=rows,
        schema=reports[0].schema,
        time_kind=kind,
        time_unit=_time_unit(min(lows), max(highs), kind, data),
        integer_ids={
            name: all(report.integer_ids[name] for report in reports if report.rows)
            for name in (Column.USER, Column.ITEM)
        },
        lists={name: any(r.lists[name] for r in reports) for name in reports[0].lists},
    )


def _check_same_columns(reports: Sequence[FileReport], columns: dict[str, str]) -> None:
    first = reports[0]
    for other in reports[1:]:
        here, there = other.source, first.source
        # A JSON object may omit keys; a table may not omit columns.
        if there.format != "jsonl" and set(here.columns) != set(there.columns):
            raise DataError(
                f"{here.path.name} has other columns than {there.path.name} "
                f"({join_names(here.columns)} and {join_names(there.columns)}): give all files of "
                "a log the same columns"
            )
        for column, name in columns.items():
            if other.schema[column] != first.schema[column]:
                raise DataError(
                    f"column '{name}' is {other.schema[column]} in {here.path.name}, but "
                    f"{first.schema[column]} in {there.path.name}: give it one type in all files"
                )


def _unusable_values(
    reports: Sequence[FileReport], column: str, name: str, kind: times.TimeKind
) -> DataError:
    """The error for a column with unusable values: how many there are, and the first of them."""
    affected = [report for report in reports if column in report.unusable]
    first = affected[0].unusable[column]
    of_file = f" of {affected[0].source.path.name}" if len(reports) > 1 else ""
    time = {"text": "an ISO 8601 time from 1970 on", "datetime": "a date from 1970 on"}
    expected = {
        Column.TIME: time.get(kind, "a number that is not negative"),
        Column.USER: "an id",
        Column.ITEM: "an id",
    }.get(column, "a number")
    is_empty = first.first_value is None or first.first_value == ""
    value = "nothing" if is_empty else shown(first.first_value)
    return DataError(
        f"column '{name}' is not usable in "
        f"{sum(report.unusable[column].count for report in affected)} of "
        f"{sum(report.rows for report in reports)} rows; the first is row {first.first_row + 1}"
        f"{of_file}, which has {value} instead of {expected}: repair or remove these rows"
    )


def _check_time_format(kind: times.TimeKind, data: DataConfig) -> None:
    """Raise DataError when the times do not have the format that data.time_format sets."""
    if data.time_format in ("auto", "order"):
        return
    is_number = kind in ("integer", "float")
    if is_number != (data.time_format in ("seconds", "milliseconds")):
        held = {"text": "text", "datetime": "dates"}.get(kind, "numbers")
        raise DataError(
            f"column '{data.time}' holds {held}, which does not fit data.time_format = "
            f'"{data.time_format}": leave data.time_format out to have it detected'
        )


def _time_unit(low: float, high: float, kind: times.TimeKind, data: DataConfig) -> times.TimeUnit:
    """The unit of times that are numbers; DataError when it puts the last one after 9999."""
    unit: times.TimeUnit = "milliseconds"
    if data.time_format == "order":
        return unit
    if kind in ("integer", "float"):
        if data.time_format in ("seconds", "milliseconds"):
            unit = data.time_format
        else:
            unit = times.detect_unit(low, high, data.time)
    if high * (1000 if unit == "seconds" else 1) >= times.YEAR_10000:
        raise DataError(
            f"column '{data.time}' holds {high:.0f}, which is after the year 9999 in {unit}: "
            'convert microseconds or nanoseconds, or set data.time_format = "order"'
        )
    return unit
