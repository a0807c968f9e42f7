"""Decide what an id is: an integer where all of a column are plain integers, else text."""

from __future__ import annotations

import polars as pl

from ..errors import DataError

LARGEST_EXACT = 2**53  # beyond this a float does not hold every integer


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
    if dtype == pl.Categorical or dtype == pl.Enum or dtype == pl.Boolean:
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
    target = pl.Int64() if canonical else pl.String()
    return column if dtype == target else column.cast(target)
