"""Decide what ids are: integers when all of a column are plain integers, else text."""

from __future__ import annotations

from typing import cast

import polars as pl

from ..errors import DataError

LARGEST_EXACT = 2**53
"""Above this a float cannot hold every integer."""

CALENDAR_DAYS = (-719_162, 2_932_896)
"""First day of the year 1 and last day of 9999, in days since 1970; other dates are damaged."""
TICKS_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000}
"""By time unit; nanoseconds in 64 bits cannot leave these years."""


def to_basic(
    column: pl.Expr, dtype: pl.DataType, name: str, file: str, *, lists: bool = False
) -> pl.Expr:
    """A file's column in its `basic_dtype`; with `lists`, lists become List(String).

    Dates outside the calendar become null, since they cannot be written as text.
    """
    if lists and isinstance(dtype, pl.List):
        inner = cast("pl.DataType", dtype.inner)
        basic_dtype(inner, name, file)  # raises for lists of lists and the like
        if inner.is_float():
            return column.list.eval(float_to_text(pl.element())).list.drop_nulls()
        return column.cast(pl.List(pl.String)).list.drop_nulls()
    target = basic_dtype(dtype, name, file)
    if not target.is_temporal():
        return column.cast(target)
    value = column.cast(target, strict=False)
    unit = getattr(target, "time_unit", None)
    ticks = 1 if unit is None else TICKS_PER_DAY.get(unit)
    if ticks is None:
        return value
    tick = value.to_physical().cast(pl.Int64)
    first, last = CALENDAR_DAYS
    return pl.when(tick.is_between(first * ticks, (last + 1) * ticks - 1)).then(value)


def float_to_text(number: pl.Expr) -> pl.Expr:
    """Floats as text, 7.0 as "7" (as `features.values.texts` does); null for NaN and infinity."""
    integer = pl.when(number.abs() < LARGEST_EXACT).then(number).cast(pl.Int64, strict=False)
    text = pl.when(number == integer).then(integer.cast(pl.String))
    return pl.when(number.is_finite()).then(text.otherwise(number.cast(pl.String)))


def basic_dtype(dtype: pl.DataType, column: str, file: str) -> pl.DataType:
    """The dtype to read a column in: Int64, Float64, String, Date or Datetime.

    Raises DataError for lists, structs, bytes and other types without a single value.
    """
    if dtype == pl.UInt64 or dtype.is_decimal() or dtype == pl.Int128 or dtype == pl.UInt128:
        return pl.String()  # some values exceed Int64, so the text decides later
    if dtype.is_integer():
        return pl.Int64()
    if dtype.is_float():
        return pl.Float64()
    if dtype in (pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        return pl.String()
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", dtype.time_zone) if dtype.time_unit == "ms" else dtype
    if dtype == pl.String or dtype == pl.Date:
        return dtype
    raise DataError(
        f"column '{column}' of {file} is of type {dtype}, but must hold text, numbers or dates: "
        "convert it, or name another column"
    )


def are_integers(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An aggregate: whether every id of the column is a plain 64-bit integer; null if empty."""
    if dtype.is_integer():
        return pl.lit(value=True)
    if dtype.is_float():
        return ((column == column.round()) & (column.abs() < LARGEST_EXACT)).all()
    if dtype == pl.String:
        # Compared as text too, so that "007", "+7" and " 7" stay text.
        same = column.cast(pl.Int64, strict=False).cast(pl.String) == column
        return same.fill_null(value=False).all()
    return pl.lit(value=False)


def cast_ids(column: pl.Expr, dtype: pl.DataType, *, as_integers: bool) -> pl.Expr:
    """A column of ids as Int64 or as String."""
    if dtype.is_float() and not as_integers:
        return float_to_text(column)
    target = pl.Int64() if as_integers else pl.String()
    return column if dtype == target else column.cast(target)


def is_missing_id(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether each row lacks an id that identifies something.

    True for null, blank text, text with the NUL that readers write for unreadable bytes, and
    floats so large that different integers share one.
    """
    if dtype == pl.String:
        unusable = (column.str.strip_chars() == "") | column.str.contains("\0", literal=True)
    elif dtype.is_float():
        unusable = ~(column.abs() < LARGEST_EXACT)
    else:
        unusable = pl.lit(value=False)
    return column.is_null() | unusable.fill_null(value=False)
