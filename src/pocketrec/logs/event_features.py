"""Columns of a log that say more of an event than who, what and when: categories and numbers."""

from __future__ import annotations

import polars as pl

from ..config import Config
from ..encoding import FeatureKind
from ..schema import LIST_SEPARATOR, Column


def columns(config: Config) -> dict[str, str]:
    """The log's name of each column that [features.event] names, by ours."""
    return {Column.feature(name): name for name in config.features.event}


def list_form(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An aggregate: how text of the column stands for several values.

    "json" for arrays of JSON lines, which are read as text, "text" for "Comedy|Drama", else null.
    """
    if dtype != pl.String:
        return pl.lit(None, pl.String)
    arrays = column.str.starts_with("[").all() & column.is_not_null().any()
    texts = column.str.contains(LIST_SEPARATOR, literal=True).any()
    return pl.when(arrays).then(pl.lit("json")).when(texts).then(pl.lit("text"))


def is_bad(column: pl.Expr, dtype: pl.DataType, kind: FeatureKind) -> pl.Expr:
    """Rows whose value is there and yet no number, where one is expected."""
    if kind == "category":
        return pl.lit(value=False)
    if dtype != pl.String and not dtype.is_numeric():
        return column.is_not_null()
    text = pl.lit(value=False) if dtype.is_numeric() else column == ""
    return column.is_not_null() & column.cast(pl.Float64, strict=False).is_null() & ~text


def expression(
    column: pl.Expr, dtype: pl.DataType, kind: FeatureKind, lists: str | None
) -> pl.Expr:
    """Float64 for a number; List(String) for several categories at once, else String.

    Categories that are floats stay so: examples.inputs spells 7.0 as "7", as devices do.
    """
    if kind == "number":
        return column.cast(pl.Float64, strict=False)
    if isinstance(dtype, pl.List) or dtype.is_float():
        return column
    if lists == "json":
        return column.str.json_decode(pl.List(pl.String))
    text = column.cast(pl.String)
    text = pl.when(text != "").then(text)
    return text.str.split(LIST_SEPARATOR) if lists == "text" else text
