"""What is asked of a file in one pass: aggregates that say whether its values can be right."""

from __future__ import annotations

import polars as pl

from ..config.data import DataConfig
from ..config.sections import Config
from ..schema import Column
from . import event_features, times
from .ids import id_report, no_id

CHECKED = "checked time"  # a column of the checking pass only


def columns(config: Config) -> dict[str, str]:
    """The log's names of the columns that are read, by ours: those of events, then features."""
    data = config.data
    names = {Column.USER: data.user, Column.ITEM: data.item, Column.TIME: data.time}
    if data.rating is not None:
        names[Column.RATING] = data.rating
    return names | event_features.columns(config)


def time_kind(frame: pl.LazyFrame, dtype: pl.DataType, data: DataConfig) -> times.TimeKind | None:
    """What a file's column of times holds."""
    kind = times.native_kind(dtype)
    if kind is not None:
        return kind
    column = pl.col(Column.TIME)
    is_number = times.number(column, dtype).is_not_null()
    if data.time_format == "order":
        found = frame.select(is_number.all(), rows=pl.len()).collect(engine="streaming")
    else:
        first = frame.select(column).filter(column.is_not_null()).head(1)
        found = first.select(is_number.any(), rows=pl.len()).collect()
    numeric, rows = found.row(0)
    if not rows:
        return None
    return "number" if numeric else "text"


def checks_of(schema: pl.Schema, kind: times.TimeKind, config: Config) -> dict[str, pl.Expr]:
    """The aggregates of a report, by name."""
    value = pl.col(CHECKED)
    checks: dict[str, pl.Expr] = {"rows": pl.len(), "low": value.min(), "high": value.max()}
    if kind == "number" and schema[Column.TIME] == pl.String:
        whole = times.integer(pl.col(Column.TIME), pl.String())
        checks["whole"] = whole.is_not_null().all()
    for name in (Column.USER, Column.ITEM):
        checks[f"plain {name}"] = id_report(pl.col(name), schema[name])
    for name, wrong in _bad_rows(schema, kind, config).items():
        checks[f"bad {name}"] = wrong.sum()
        checks[f"first {name}"] = pl.when(wrong).then(pl.col(Column.ORDER)).min()
    for ours in event_features.columns(config):
        checks[f"lists {ours}"] = event_features.has_lists(pl.col(ours), schema[ours])
    return checks


def checked_time(dtype: pl.DataType, kind: times.TimeKind, data: DataConfig) -> pl.Expr:
    """A number for each time that is one: its own, or milliseconds; null elsewhere."""
    time = pl.col(Column.TIME)
    if kind in ("integer", "number"):
        return times.number(time, dtype)
    if kind == "moment":
        return time.dt.timestamp("ms")
    if data.time_format == "order":
        return pl.when(time.is_not_null()).then(0)
    return times.iso_moment(time)


def _bad_rows(schema: pl.Schema, kind: times.TimeKind, config: Config) -> dict[str, pl.Expr]:
    """For each column, which rows cannot be used."""
    bad = {}
    for name in (Column.USER, Column.ITEM):
        bad[name] = no_id(pl.col(name), schema[name])
    value = pl.col(CHECKED)
    bad[Column.TIME] = value.is_null()
    if kind in ("integer", "number"):
        bad[Column.TIME] = ~value.is_finite().fill_null(value=False)
    if config.data.time_format != "order":
        bad[Column.TIME] |= (value < 0).fill_null(value=False)
    if Column.RATING in schema:
        rating = pl.col(Column.RATING).cast(pl.Float32, strict=False)
        no_number = schema[Column.RATING].is_temporal()
        bad[Column.RATING] = ~rating.is_finite().fill_null(value=False) | pl.lit(no_number)
    for ours, name in event_features.columns(config).items():
        bad[ours] = event_features.is_bad(pl.col(ours), schema[ours], config.features.event[name])
    return bad
