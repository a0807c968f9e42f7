"""Turn a column of times, in whatever unit it is, into Int64 milliseconds since 1970."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ..errors import DataError

TimeFormat = Literal["auto", "seconds", "milliseconds", "iso8601", "order"]
TimeKind = Literal["integer", "number", "text", "moment"]

SECONDS_BELOW = 10**11
"""As seconds this is the year 5138, as milliseconds 1973: the two do not meet in real logs."""

LAST_MOMENT = 253_402_300_800_000
"""The year 10000 in milliseconds; later times are micro- or nanoseconds taken for less."""


PLAIN_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}Z?$"


def clean_text(column: pl.Expr) -> pl.Expr:
    """Text of a time without blanks around it."""
    return column.str.strip_chars()


def iso_moment(column: pl.Expr) -> pl.Expr:
    """ISO 8601 text as milliseconds; null where it is none.

    A date alone is its midnight; seconds and their fraction may be left out; without an offset
    the time is UTC.
    """
    text = clean_text(column)
    # Whole seconds in UTC are what most logs hold, and ten times as fast to read.
    plain = text.str.contains(PLAIN_MOMENT)
    whole = text.str.slice(0, 19).str.replace(" ", "T", literal=True)
    quick = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", strict=False)
    other = _with_offset(pl.when(~plain).then(text)).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="ms", time_zone="UTC", strict=False
    )
    return pl.when(plain).then(quick.dt.timestamp("ms")).otherwise(other.dt.timestamp("ms"))


def _with_offset(text: pl.Expr) -> pl.Expr:
    """Fill up what ISO 8601 lets one leave out: time, seconds, and the offset."""
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00")
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[ t]", "${1}T")
    text = text.str.replace(r"^(.{10}T\d{2}:\d{2})($|[Zz+-])", "${1}:00${2}")
    text = text.str.replace(r"^(.{10}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "${1}+00:00")
    return text.str.replace(r"[Zz]$", "+00:00").str.replace(r"([+-]\d{2})$", "${1}:00")


def number(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A numeric or text column as Float64; null where the text is no number."""
    text = clean_text(column) if dtype == pl.String else column
    return text.cast(pl.Float64, strict=False)


def integer(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A numeric or text column as Int64; null where the text is no integer."""
    text = clean_text(column) if dtype == pl.String else column
    return text.cast(pl.Int64, strict=False)


def native_kind(dtype: pl.DataType) -> TimeKind | None:
    """What a column of this dtype is; None for text, which must be looked at."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "number"
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return "moment"
    if dtype == pl.String:
        return None
    raise DataError(
        f"data.time names a column of type {dtype}; times must be numbers, text or dates"
    )


def unit_of(lowest: float, highest: float, column: str) -> Literal["seconds", "milliseconds"]:
    """Tell seconds from milliseconds by size; DataError when a column seems to hold both."""
    if highest < SECONDS_BELOW:
        return "seconds"
    if lowest >= SECONDS_BELOW:
        return "milliseconds"
    raise DataError(
        f"column '{column}' holds times from {lowest:.0f} to {highest:.0f}, some like seconds and "
        'some like milliseconds; set data.time_format to "seconds" or "milliseconds"'
    )


def milliseconds(
    column: pl.Expr, dtype: pl.DataType, kind: TimeKind, unit: Literal["seconds", "milliseconds"]
) -> pl.Expr:
    """A checked column of any kind as Int64 milliseconds; `unit` is that of numbers."""
    factor = 1000 if unit == "seconds" else 1
    if kind == "integer":
        return integer(column, dtype) * factor
    if kind == "number":
        return (number(column, dtype) * factor).round().cast(pl.Int64)
    if kind == "text":
        return iso_moment(column)
    return column.dt.timestamp("ms").cast(pl.Int64)


def order(column: pl.Expr, dtype: pl.DataType, kind: TimeKind) -> pl.Expr:
    """A sortable column as Int64 that sorts the same way; of numbers and text see `ranked`."""
    if kind == "integer":
        return integer(column, dtype)
    if kind == "moment":
        return column.to_physical().cast(pl.Int64)
    return number(column, dtype) if kind == "number" else column


def ranked(column: pl.Expr) -> pl.Expr:
    """Numbers or text as Int64: their ranks among those that are there."""
    return column.rank("dense").cast(pl.Int64)
