"""Decide what an id is: an integer where all of a column are plain integers, else text."""

from __future__ import annotations

from typing import cast

import polars as pl

from ..errors import DataError

LARGEST_EXACT = 2**53  # beyond this a float does not hold every integer


DAYS = (-719_162, 2_932_896)
"""The first day of the year 1 and the last of 9999, from 1970 on: other dates are damage."""
TICKS = {"ms": 86_400_000, "us": 86_400_000_000}
"""Ticks of a day; those of nanoseconds do not reach beyond these years."""


def plain(
    column: pl.Expr, dtype: pl.DataType, name: str, file: str, *, lists: bool = False
) -> pl.Expr:
    """A column of a file in its `plain_dtype`; where `lists` may be, they become List(String).

    Dates out of the calendar, which have no text, become null.
    """
    if lists and isinstance(dtype, pl.List):
        inner = cast("pl.DataType", dtype.inner)
        plain_dtype(inner, name, file)  # refuses what has none
        if inner.is_float():
            return column.list.eval(whole_text(pl.element())).list.drop_nulls()
        return column.cast(pl.List(pl.String)).list.drop_nulls()
    target = plain_dtype(dtype, name, file)
    if not target.is_temporal():
        return column.cast(target)
    value = column.cast(target, strict=False)
    unit = getattr(target, "time_unit", None)
    ticks = 1 if unit is None else TICKS.get(unit)
    if ticks is None:
        return value
    tick = value.to_physical().cast(pl.Int64)
    return pl.when(tick.is_between(DAYS[0] * ticks, (DAYS[1] + 1) * ticks - 1)).then(value)


def whole_text(number: pl.Expr) -> pl.Expr:
    """Floats as text, and 7.0 is "7", as `encoding.texts` spells it; null for NaN and infinity."""
    integer = pl.when(number.abs() < LARGEST_EXACT).then(number).cast(pl.Int64, strict=False)
    text = pl.when(number == integer).then(integer.cast(pl.String))
    return pl.when(number.is_finite()).then(text.otherwise(number.cast(pl.String)))


def plain_dtype(dtype: pl.DataType, column: str, file: str) -> pl.DataType:
    """The dtype that a column of a file is brought to before anything is decided about it.

    Raises DataError for lists, structs, bytes and other types that hold no single value.
    """
    if dtype == pl.UInt64 or dtype.is_decimal() or dtype == pl.Int128 or dtype == pl.UInt128:
        return pl.String()  # not all of them fit Int64: read as text, which is then looked at
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
        f"column '{column}' of {file} is of type {dtype}; expected text, numbers or dates"
    )


def id_report(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An aggregate that is true when every id of the column is a plain integer of 64 bits."""
    if dtype.is_integer():
        return pl.lit(value=True)
    if dtype.is_float():
        return ((column == column.round()) & (column.abs() < LARGEST_EXACT)).all()
    if dtype == pl.String:
        # Comparing the text as well keeps "007", "+7" and " 7" what they are.
        same = column.cast(pl.Int64, strict=False).cast(pl.String) == column
        return same.fill_null(value=False).all()
    return pl.lit(value=False)


def is_canonical(report: bool | None) -> bool:
    """What `id_report` found, for an empty column too."""
    return bool(report)


def id_expression(column: pl.Expr, dtype: pl.DataType, canonical: bool) -> pl.Expr:
    """A column of ids as Int64 when `canonical`, else as String."""
    if dtype.is_float() and not canonical:
        return whole_text(column)
    target = pl.Int64() if canonical else pl.String()
    return column if dtype == target else column.cast(target)


def no_id(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Rows without an id that can be told from others.

    Nothing or blanks; the NUL that readers put for what they cannot read; and floats so large
    that different integers have become one.
    """
    if dtype == pl.String:
        empty = (column.str.strip_chars() == "") | column.str.contains("\0", literal=True)
    elif dtype.is_float():
        empty = ~(column.abs() < LARGEST_EXACT)
    else:
        empty = pl.lit(value=False)
    return column.is_null() | empty.fill_null(value=False)
