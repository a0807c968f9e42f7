"""Columns of a log that say more of an event than who, what and when: categories and numbers."""

from __future__ import annotations

import polars as pl

from ..config.sections import Config
from ..features.encoding import FeatureKind
from ..schema import LIST_SEPARATOR, Column


def columns(config: Config) -> dict[str, str]:
    """The log's name of each column that [features.event] names, by ours."""
    return {Column.feature(name): name for name in config.features.event}


def has_lists(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An aggregate: whether text of the column stands for several values, as "Comedy|Drama"."""
    if dtype != pl.String:
        return pl.lit(value=False)
    return column.str.contains(LIST_SEPARATOR, literal=True).any()


def split_lists(text: pl.Expr) -> pl.Expr:
    """The values of "Comedy | Drama|": Comedy and Drama."""
    parts = text.str.split(LIST_SEPARATOR)
    return parts.list.eval(
        pl.when(pl.element().str.strip_chars() != "").then(pl.element().str.strip_chars())
    ).list.drop_nulls()


def is_bad(column: pl.Expr, dtype: pl.DataType, kind: FeatureKind) -> pl.Expr:
    """Rows whose value is there and yet no number, where one is expected."""
    if kind == "category":
        return pl.lit(value=False)
    if dtype != pl.String and not dtype.is_numeric():
        return column.is_not_null()
    text = pl.lit(value=False) if dtype.is_numeric() else column == ""
    return column.is_not_null() & column.cast(pl.Float64, strict=False).is_null() & ~text


def expression(
    column: pl.Expr, dtype: pl.DataType, kind: FeatureKind, lists: bool | None
) -> pl.Expr:
    """Float64 for a number; List(String) for several categories at once, else String.

    Categories that are floats stay so: examples.inputs spells 7.0 as "7", as devices do.
    """
    if kind == "number":
        return column.cast(pl.Float64, strict=False)
    if isinstance(dtype, pl.List) or dtype.is_float():
        return column
    text = column.cast(pl.String)
    text = pl.when(text != "").then(text)
    return split_lists(text) if lists else text
