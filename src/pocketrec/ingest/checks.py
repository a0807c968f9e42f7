"""The aggregates that one pass over a log file computes, to tell whether its values are usable."""

from __future__ import annotations

import polars as pl

from ..config.data import DataConfig
from ..config.sections import Config
from ..schema import Column
from . import event_features, times
from .ids import are_integers, is_missing_id

TIME_VALUE = "time value"
"""A column of the checking pass only: see `time_value`."""


def log_columns(config: Config) -> dict[str, str]:
    """Our column name -> the log's column name: first the event's columns, then its features."""
    data = config.data
    names = {Column.USER: data.user, Column.ITEM: data.item, Column.TIME: data.time}
    if data.rating is not None:
        names[Column.RATING] = data.rating
    return names | event_features.feature_columns(config)


def detect_time_kind(
    frame: pl.LazyFrame, dtype: pl.DataType, data: DataConfig
) -> times.TimeKind | None:
    """What a file's column of times holds; None when it has no value to tell by."""
    kind = times.kind_of_dtype(dtype)
    if kind is not None:
        return kind
    column = pl.col(Column.TIME)
    is_number = times.to_float(column, dtype).is_not_null()
    if data.time_format == "order":
        # Numbers sort differently from text, so a single text value makes all of them text.
        result = frame.select(is_number.all(), rows=pl.len()).collect(engine="streaming")
    else:
        # The first value decides; `check_expressions` then refuses values of another kind.
        first = frame.select(column).filter(column.is_not_null()).head(1)
        result = first.select(is_number.any(), rows=pl.len()).collect()
    is_numeric, rows = result.row(0)
    if not rows:
        return None
    return "float" if is_numeric else "text"


def check_expressions(
    schema: pl.Schema, kind: times.TimeKind, config: Config
) -> dict[str, pl.Expr]:
    """The aggregates of a file's report, by name."""
    time = pl.col(TIME_VALUE)
    checks: dict[str, pl.Expr] = {"rows": pl.len(), "low": time.min(), "high": time.max()}
    if kind == "float" and schema[Column.TIME] == pl.String:
        whole = times.to_integer(pl.col(Column.TIME), pl.String())
        checks["whole"] = whole.is_not_null().all()
    for name in (Column.USER, Column.ITEM):
        checks[f"integers {name}"] = are_integers(pl.col(name), schema[name])
    for name, unusable in _unusable_rows(schema, kind, config).items():
        checks[f"unusable {name}"] = unusable.sum()
        checks[f"first unusable {name}"] = pl.when(unusable).then(pl.col(Column.ORDER)).min()
    for column in event_features.feature_columns(config):
        checks[f"lists {column}"] = event_features.has_lists(pl.col(column), schema[column])
    return checks


def time_value(dtype: pl.DataType, kind: times.TimeKind, data: DataConfig) -> pl.Expr:
    """Each time as a number: itself, or its milliseconds; null where it is not a time."""
    time = pl.col(Column.TIME)
    if kind in ("integer", "float"):
        return times.to_float(time, dtype)
    if kind == "datetime":
        return time.dt.timestamp("ms")
    if data.time_format == "order":
        return pl.when(time.is_not_null()).then(0)  # any text sorts
    return times.parse_iso8601(time)


def _unusable_rows(schema: pl.Schema, kind: times.TimeKind, config: Config) -> dict[str, pl.Expr]:
    """For each column, whether each row has a value that cannot be used."""
    unusable = {}
    for name in (Column.USER, Column.ITEM):
        unusable[name] = is_missing_id(pl.col(name), schema[name])
    time = pl.col(TIME_VALUE)
    unusable[Column.TIME] = time.is_null()
    if kind in ("integer", "float"):
        unusable[Column.TIME] = ~time.is_finite().fill_null(value=False)
    if config.data.time_format != "order":
        unusable[Column.TIME] |= (time < 0).fill_null(value=False)
    if Column.RATING in schema:
        rating = pl.col(Column.RATING).cast(pl.Float32, strict=False)
        # Dates cast to numbers without an error, but are no ratings.
        is_date = schema[Column.RATING].is_temporal()
        unusable[Column.RATING] = ~rating.is_finite().fill_null(value=False) | pl.lit(is_date)
    for column, name in event_features.feature_columns(config).items():
        feature_kind = config.features.event[name]
        unusable[column] = event_features.is_unusable(pl.col(column), schema[column], feature_kind)
    return unusable
