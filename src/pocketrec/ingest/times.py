"""Convert a column of times, in whatever unit, to Int64 milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ..errors import DataError

TimeKind = Literal["integer", "float", "text", "datetime"]
"""What a column of times holds; numbers in text count as numbers."""
TimeUnit = Literal["seconds", "milliseconds"]

SECONDS_BELOW = 10**11
"""As seconds this is the year 5138, as milliseconds 1973: real logs have times of one unit only
on one side of it."""

YEAR_10000 = 253_402_300_800_000
"""In milliseconds; later times are microseconds or nanoseconds read in the wrong unit."""

_WHOLE_SECONDS_UTC = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}Z?$"


def parse_iso8601(column: pl.Expr) -> pl.Expr:
    """ISO 8601 text as milliseconds; null where it is something else.

    A date alone means midnight; seconds and their fraction are optional; without an offset the
    time is UTC.
    """
    text = column.str.strip_chars()
    # Most logs hold whole seconds in UTC, and this format parses ten times as fast.
    is_whole = text.str.contains(_WHOLE_SECONDS_UTC)
    whole = text.str.slice(0, 19).str.replace(" ", "T", literal=True)
    fast = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", strict=False)
    slow = _complete(pl.when(~is_whole).then(text)).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="ms", time_zone="UTC", strict=False
    )
    return pl.when(is_whole).then(fast.dt.timestamp("ms")).otherwise(slow.dt.timestamp("ms"))


def _complete(text: pl.Expr) -> pl.Expr:
    """Add what ISO 8601 lets a writer omit: the time, the seconds and the offset."""
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00")
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[ t]", "${1}T")
    text = text.str.replace(r"^(.{10}T\d{2}:\d{2})($|[Zz+-])", "${1}:00${2}")
    text = text.str.replace(r"^(.{10}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "${1}+00:00")
    return text.str.replace(r"[Zz]$", "+00:00").str.replace(r"([+-]\d{2})$", "${1}:00")


def to_float(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A numeric or text column as Float64; null where the text is not a number."""
    text = column.str.strip_chars() if dtype == pl.String else column
    return text.cast(pl.Float64, strict=False)


def to_integer(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A numeric or text column as Int64; null where the text is not an integer."""
    text = column.str.strip_chars() if dtype == pl.String else column
    return text.cast(pl.Int64, strict=False)


def kind_of_dtype(dtype: pl.DataType) -> TimeKind | None:
    """The kind that a dtype implies; None for text, whose values must be read to tell."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return "datetime"
    if dtype == pl.String:
        return None
    raise DataError(
        f"data.time names a column of type {dtype}, but times must be numbers, text or dates: "
        "name another column, or convert it"
    )


def detect_unit(lowest: float, highest: float, column: str) -> TimeUnit:
    """Tell seconds from milliseconds by size; DataError when a column seems to hold both."""
    if highest < SECONDS_BELOW:
        return "seconds"
    if lowest >= SECONDS_BELOW:
        return "milliseconds"
    raise DataError(
        f"column '{column}' holds times from {lowest:.0f} to {highest:.0f}, some like seconds and "
        'some like milliseconds: set data.time_format to "seconds" or "milliseconds"'
    )


def to_milliseconds(column: pl.Expr, dtype: pl.DataType, kind: TimeKind, unit: TimeUnit) -> pl.Expr:
    """A checked column of any kind as Int64 milliseconds; `unit` applies to numbers."""
    factor = 1000 if unit == "seconds" else 1
    if kind == "integer":
        return to_integer(column, dtype) * factor
    if kind == "float":
        return (to_float(column, dtype) * factor).round().cast(pl.Int64)
    if kind == "text":
        return parse_iso8601(column)
    return column.dt.timestamp("ms").cast(pl.Int64)


def to_sortable(column: pl.Expr, dtype: pl.DataType, kind: TimeKind) -> pl.Expr:
    """A column under time_format "order" in a dtype that sorts: Int64, Float64 or String.

    Floats and text still need `dense_ranks` over the whole log to become Int64.
    """
    if kind == "integer":
        return to_integer(column, dtype)
    if kind == "datetime":
        return column.to_physical().cast(pl.Int64)
    return to_float(column, dtype) if kind == "float" else column


def dense_ranks(column: pl.Expr) -> pl.Expr:
    """Numbers or text as Int64 ranks: equal values share one, and none is skipped."""
    return column.rank("dense").cast(pl.Int64)
