"""Columns of a log that describe an event further: categories and numbers of [features.event]."""

from __future__ import annotations

import polars as pl

from ..config.sections import Config
from ..features.encoding import FeatureKind
from ..schema import LIST_SEPARATOR, Column


def feature_columns(config: Config) -> dict[str, str]:
    """Our column name -> the log's column name, for each feature of [features.event]."""
    return {Column.feature(name): name for name in config.features.event}


def has_lists(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An aggregate: whether any text of the column holds several values, as "Comedy|Drama"."""
    if dtype != pl.String:
        return pl.lit(value=False)
    return column.str.contains(LIST_SEPARATOR, literal=True).any()


def split_lists(text: pl.Expr) -> pl.Expr:
    """Split "Comedy | Drama|" into the list Comedy, Drama."""
    parts = text.str.split(LIST_SEPARATOR)
    return parts.list.eval(
        pl.when(pl.element().str.strip_chars() != "").then(pl.element().str.strip_chars())
    ).list.drop_nulls()


def is_unusable(column: pl.Expr, dtype: pl.DataType, kind: FeatureKind) -> pl.Expr:
    """Whether each row has a value that is not a number although the feature needs numbers."""
    if kind == "category":
        return pl.lit(value=False)
    if dtype != pl.String and not dtype.is_numeric():
        return column.is_not_null()
    is_empty = pl.lit(value=False) if dtype.is_numeric() else column == ""
    return column.is_not_null() & column.cast(pl.Float64, strict=False).is_null() & ~is_empty


def cast_feature(
    column: pl.Expr, dtype: pl.DataType, kind: FeatureKind, lists: bool | None
) -> pl.Expr:
    """Float64 for a number; List(String) when `lists` is set, else String, for a category."""
    if kind == "number":
        return column.cast(pl.Float64, strict=False)
    if isinstance(dtype, pl.List) or dtype.is_float():
        # Floats stay floats: the encoding spells 7.0 as "7" later, as devices do.
        return column
    text = column.cast(pl.String)
    text = pl.when(text != "").then(text)
    return split_lists(text) if lists else text
