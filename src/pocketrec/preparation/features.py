"""Feature columns in blocks: users' attributes joined to events, and values encoded as rows.

`Feature.rows` encodes a single value on the device; tests check that both agree.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from ..errors import ConfigError
from ..features.encoding import MISSING, Bins, Feature, FeatureKind
from ..ingest.catalogue import check_unique_ids
from ..schema import Column


def check_users(users: pl.Schema | None, kinds: dict[str, FeatureKind]) -> None:
    """Raise ConfigError unless the users' table has the columns that [features.user] names."""
    known = [] if users is None else [name for name in users if name != Column.USER]
    for name, kind in kinds.items():
        if users is None or name not in known:
            has = (
                f"it has {', '.join(known)}" if known else "there is no such table: set data.users"
            )
            raise ConfigError(f"features.user.{name}: the users' table has no such column; {has}")
        if kind == "number" and not users[name].is_numeric():
            raise ConfigError(
                f'features.user.{name} = "number", but the column holds text: use "category"'
            )


def select_user_attributes(users: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Select the named attributes, as columns named by Column.user_feature."""
    return users.select(
        Column.USER, *(pl.col(name).alias(Column.user_feature(name)) for name in names)
    )


def join_users(events: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Add the attributes of its user to each event; null for users who are not in the table."""
    check_unique_ids(users[Column.USER], "data.users")
    return events.join(users, on=Column.USER, how="left", maintain_order="left")


def column_of(feature: Feature) -> str:
    """The column of events that holds a feature's values, and after encoding its rows."""
    name = feature.name
    return Column.feature(name) if feature.of == "event" else Column.user_feature(name)


def encode(features: list[Feature], schema: pl.Schema) -> list[pl.Expr]:
    """Encode events in order: columns List(Int32) of M rows each, under the same names.

    Time features look at the events before and after of the same user: pass all of a user's events.
    """
    return [_encode(feature, schema).alias(column_of(feature)) for feature in features]


def _encode(feature: Feature, schema: pl.Schema) -> pl.Expr:
    name, encoding = column_of(feature), feature.encoding
    if feature.time is not None:
        value, dtype = _time_value(feature.time)
    else:
        value, dtype = pl.col(name), schema[name]
    if isinstance(encoding, Bins):
        edges = np.asarray(encoding.edges)
        row = value.map_batches(partial(_bin, edges=edges), return_dtype=pl.Int32)
        return pl.concat_list(row)
    rows = pl.Series(range(1, len(encoding.values) + 1), dtype=pl.Int32)
    row_of = pl.element().replace_strict(
        pl.Series(encoding.values, dtype=pl.String), rows, default=None, return_dtype=pl.Int32
    )
    known = read_categories(value, dtype).list.eval(row_of).list.drop_nulls()
    # Every event gets the same number of rows: fill up with MISSING, then cut.
    padding = pl.lit(pl.Series([[MISSING] * feature.slots], dtype=pl.List(pl.Int32)))
    return pl.concat_list(known.fill_null([]), padding).list.head(feature.slots)


def _bin(values: pl.Series, edges: np.ndarray) -> pl.Series:
    numbers = values.cast(pl.Float64).to_numpy()
    row = 1 + np.searchsorted(edges, numbers, side="right")  # 0 is MISSING
    return pl.Series(values.name, np.where(np.isfinite(numbers), row, MISSING), dtype=pl.Int32)


def _time_value(name: str) -> tuple[pl.Expr, pl.DataType]:
    clock = pl.col(Column.CLOCK)
    gap = (clock - clock.shift(1).over(Column.USER)) / 1000
    match name:
        case "gap":
            return gap, pl.Float64()
        case "now":  # the gap to the next event, which is when the model is asked
            return gap.shift(-1).over(Column.USER), pl.Float64()
        case "hour":
            return clock // 3_600_000 % 24, pl.Int64()
        case _:  # 1 January 1970 was a Thursday, day 3
            return (clock // 86_400_000 + 3) % 7, pl.Int64()


def read_categories(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Categories as lists of text, spelled as `encoding.texts` spells them."""
    if isinstance(dtype, pl.List):
        return column.list.drop_nulls().list.unique(maintain_order=True)
    if dtype.is_float():
        integer = column.cast(pl.Int64, strict=False).cast(pl.String)
        column = pl.when(column == column.round()).then(integer).otherwise(column.cast(pl.String))
    return pl.concat_list(column.cast(pl.String)).list.drop_nulls()


def read_numbers(column: pl.Expr, _: pl.DataType, digits: int) -> pl.Expr:
    """Finite numbers as lists of one, rounded to so many significant digits."""
    number = column.cast(pl.Float64).round_sig_figs(digits)
    return pl.concat_list(pl.when(number.is_finite()).then(number)).list.drop_nulls()
