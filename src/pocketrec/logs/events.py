"""Read a log of one's own: files of events, given lazily under the names of schema.Column.

Reading is two steps: one streaming pass over the log finds what its columns hold and refuses what
cannot be right; the frame that is returned then only casts.
"""

from __future__ import annotations

from typing import Any, cast

import polars as pl

from ..config import Config, DataConfig
from ..errors import DataError, shown
from ..schema import Column
from . import event_features, times
from .files import (
    READ_ERRORS,
    Source,
    check_rows,
    listed,
    open_sources,
    require_column,
    scan,
    unreadable,
)
from .ids import id_expression, id_report, is_canonical, no_id, plain

CHECKED = "checked time"  # a column of the checking pass only

ALIASES: dict[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "uid", "customer_id", "visitor_id", "session_id"),
    "item": ("item", "item_id", "itemid", "movie_id", "movieid", "product_id", "sku"),
    "time": ("timestamp", "time", "ts", "datetime", "date", "created_at", "event_time"),
    "rating": ("rating", "ratings", "score", "stars"),
}
"""Names that logs often use, tried before the mere likeness of letters."""


def read_files(config: Config) -> pl.LazyFrame:
    """Give the log behind data.path lazily as USER, ITEM, TIME, [RATING,] ORDER.

    Ids are Int64 when every one of the column is a plain integer ("7", not "07"), else String.
    TIME is Int64 milliseconds since 1970 UTC (any order under time_format "order"); RATING is
    Float32; ORDER (UInt64) counts rows over the files in the order of their names. What
    [features.event] names comes as Column.feature: Float64, String or List(String).
    Reads the log once, streaming, to check it. Raises DataError for a missing column, an empty
    log, a null id, time or rating, and a time that is negative or in two units.
    """
    data = config.data
    sources = open_sources(config.resolve(str(data.path)), "data.path")
    roles = {"user": data.user, "item": data.item, "time": data.time}
    if data.rating is not None:
        roles["rating"] = data.rating
    for source in sources:
        for role, name in roles.items():
            require_column(source, name, f"data.{role}", ALIASES[role])
    names = {Column.USER: data.user, Column.ITEM: data.item, Column.TIME: data.time}
    if data.rating is not None:
        names[Column.RATING] = data.rating
    features = event_features.columns(config)
    for source in sources:
        for name in features.values():
            require_column(source, name, f"features.event.{name}", ())
    filled = sum(check_rows(source) for source in sources)
    try:
        frame = _joined(sources, names, features)
        return frame.select(_expressions(frame, config, names, features, filled))
    except READ_ERRORS as error:
        raise _blame(sources, [*roles.values(), *features.values()], error) from None


def _joined(sources: list[Source], names: dict[str, str], features: dict[str, str]) -> pl.LazyFrame:
    """All files as one frame with our column names, and ORDER over all of them."""
    names = names | features
    frames = []
    for source in sources:
        frame = scan(source, dict.fromkeys(names.values()))
        frame = frame.select(pl.col(name).alias(ours) for ours, name in names.items())
        schema = frame.collect_schema()
        frames.append(
            frame.select(
                plain(pl.col(ours), schema[ours], name, source.path.name, lists=ours in features)
                for ours, name in names.items()
            )
        )
        if (schema := frames[-1].collect_schema()) != (first := frames[0].collect_schema()):
            ours = next(name for name in names if schema[name] != first[name])
            raise DataError(
                f"column '{names[ours]}' is {schema[ours]} in {source.path.name} and "
                f"{first[ours]} in {sources[0].path.name}; files of one log must agree"
            )
    joined = pl.concat(frames).with_row_index(Column.ORDER)
    return joined.with_columns(pl.col(Column.ORDER).cast(pl.UInt64))


def _expressions(
    frame: pl.LazyFrame,
    config: Config,
    names: dict[str, str],
    features: dict[str, str],
    filled: int,
) -> list[pl.Expr]:
    """Check the log in one streaming pass and say how each column is to be cast.

    `filled` is the number of rows that are not blank, or 0 where it is not known.
    """
    data, kinds = config.data, config.features.event
    schema = frame.collect_schema()
    kind = _time_kind(frame, schema[Column.TIME], data)
    bad = _bad_rows(schema, kind, data)
    for ours, name in features.items():
        bad[ours] = event_features.is_bad(pl.col(ours), schema[ours], kinds[name])
    value = pl.col(CHECKED)
    checks: dict[str, pl.Expr] = {"rows": pl.len(), "low": value.min(), "high": value.max()}
    if kind == "number" and schema[Column.TIME] == pl.String:
        whole = times.integer(pl.col(Column.TIME), pl.String())
        checks["whole"] = whole.is_not_null().all()
    for name in (Column.USER, Column.ITEM):
        checks[f"plain {name}"] = id_report(pl.col(name), schema[name])
    for name, wrong in bad.items():
        checks[f"bad {name}"] = wrong.sum()
        checks[f"first {name}"] = pl.when(wrong).then(pl.col(Column.ORDER)).min()
    for ours in features:
        checks[f"lists {ours}"] = event_features.has_lists(pl.col(ours), schema[ours])
    # Reading a time out of text is the dear part: once, for all checks of it.
    checked = frame.with_columns(_checked_time(schema[Column.TIME], kind, data).alias(CHECKED))
    report = checked.select(**checks).collect(engine="streaming").row(0, named=True)
    if report["rows"] == 0:
        raise DataError(f"'{data.path}' holds no events: it has column names but no rows")
    if (lost := filled - report["rows"]) > 0:
        raise DataError(
            f"{lost} rows of '{data.path}' are not blank, and yet have nothing in the columns "
            f"{listed([*names.values(), *features.values()])}: remove or repair them"
        )
    for name in bad:
        if report[f"bad {name}"]:
            raise _bad_value(frame, name, (names | features)[name], report, kind)
    _check_format(kind, data)
    if report.get("whole"):
        kind = "integer"
    expressions = [
        id_expression(pl.col(name), schema[name], is_canonical(report[f"plain {name}"]))
        for name in (Column.USER, Column.ITEM)
    ]
    expressions.append(_time(schema[Column.TIME], kind, data, report).alias(Column.TIME))
    if Column.RATING in names:
        expressions.append(pl.col(Column.RATING).cast(pl.Float32))
    for ours, name in features.items():
        values = event_features.expression(
            pl.col(ours), schema[ours], kinds[name], report[f"lists {ours}"]
        )
        expressions.append(values.alias(ours))
    return [*expressions, pl.col(Column.ORDER)]


def _time_kind(frame: pl.LazyFrame, dtype: pl.DataType, data: DataConfig) -> times.TimeKind:
    """What the column of times holds; text is judged by its first value, then checked in full."""
    kind = times.native_kind(dtype)
    if kind is None:
        column = pl.col(Column.TIME)
        if data.time_format == "order":
            is_number = times.number(column, dtype).is_not_null()
            numeric = frame.select(is_number.all()).collect(engine="streaming").item()
        else:
            first = frame.select(column).filter(column.is_not_null()).head(1)
            numeric = first.select(times.number(column, dtype).is_not_null().any()).collect().item()
        kind = "number" if numeric else "text"
    return kind


def _check_format(kind: times.TimeKind, data: DataConfig) -> None:
    """Raise DataError when a column of times is not of the format that is set."""
    wanted = {"seconds": ("integer", "number"), "milliseconds": ("integer", "number")}
    allowed = wanted.get(data.time_format, ("text", "moment"))
    if data.time_format not in ("auto", "order") and kind not in allowed:
        found = {"text": "text", "moment": "dates"}.get(kind, "numbers")
        raise DataError(
            f"column '{data.time}' holds {found}, which is not data.time_format = "
            f'"{data.time_format}"; leave data.time_format out to have it found'
        )


def _checked_time(dtype: pl.DataType, kind: times.TimeKind, data: DataConfig) -> pl.Expr:
    """A number for each time that is one: its own, or milliseconds; null elsewhere."""
    time = pl.col(Column.TIME)
    if kind in ("integer", "number"):
        return times.number(time, dtype)
    if kind == "moment":
        return time.dt.timestamp("ms")
    if data.time_format == "order":
        return pl.when(time.is_not_null()).then(0)
    return times.iso_moment(time)


def _bad_rows(schema: pl.Schema, kind: times.TimeKind, data: DataConfig) -> dict[str, pl.Expr]:
    """For each column, which rows cannot be used."""
    bad = {}
    for name in (Column.USER, Column.ITEM):
        bad[name] = no_id(pl.col(name), schema[name])
    value = pl.col(CHECKED)
    bad[Column.TIME] = value.is_null()
    if kind in ("integer", "number"):
        bad[Column.TIME] = ~value.is_finite().fill_null(value=False)
    if data.time_format != "order":
        bad[Column.TIME] |= (value < 0).fill_null(value=False)
    if Column.RATING in schema:
        rating = pl.col(Column.RATING).cast(pl.Float32, strict=False)
        no_number = schema[Column.RATING].is_temporal()
        bad[Column.RATING] = ~rating.is_finite().fill_null(value=False) | pl.lit(no_number)
    return bad


def _bad_value(
    frame: pl.LazyFrame, ours: str, name: str, report: dict[str, Any], kind: times.TimeKind
) -> DataError:
    """Say how many rows cannot be used and show the first of them."""
    row = report[f"first {ours}"]
    (value,) = frame.filter(pl.col(Column.ORDER) == row).select(ours).collect().get_column(ours)
    time = {"text": "an ISO 8601 time from 1970 on", "moment": "a date from 1970 on"}
    expected = {
        Column.TIME: time.get(kind, "a number that is not negative"),
        Column.USER: "an id",
        Column.ITEM: "an id",
    }.get(ours, "a number")
    value = value.to_list() if isinstance(value, pl.Series) else value
    found = "nothing" if value is None or value == "" else shown(value)
    return DataError(
        f"column '{name}' is not usable in {report[f'bad {ours}']} of {report['rows']} rows; "
        f"the first is row {row + 1}, which has {found} instead of {expected}: "
        "repair or remove these rows"
    )


def _time(
    dtype: pl.DataType, kind: times.TimeKind, data: DataConfig, report: dict[str, Any]
) -> pl.Expr:
    column = pl.col(Column.TIME)
    if data.time_format == "order":
        return times.order(column, dtype, kind)
    unit = "milliseconds"
    if kind in ("integer", "number"):
        unit = data.time_format
        if unit == "auto":
            unit = times.unit_of(report["low"], report["high"], data.time)
    if report["high"] * (1000 if unit == "seconds" else 1) >= times.LAST_MOMENT:
        raise DataError(
            f"column '{data.time}' holds {report['high']:.0f}, which is after the year 9999 in "
            f'{unit}; divide micro- or nanoseconds, or set data.time_format = "order"'
        )
    return times.milliseconds(column, dtype, kind, cast(Any, unit))


def _blame(sources: list[Source], columns: list[str], error: Exception) -> DataError:
    """Find the file that a failed pass over all of them failed in."""
    for source in sources:
        try:
            scan(source, dict.fromkeys(columns)).select(pl.all().count()).collect(
                engine="streaming"
            )
        except READ_ERRORS as found:
            return unreadable(source.path, source.format, found)
    return unreadable(sources[0].path, sources[0].format, error)
