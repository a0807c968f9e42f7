"""What is told of events and users beside item ids: encodings learned from training events, and
columns of rows.

`Feature.rows` does the same to one value; that both agree is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl

from ..config.features import FeaturesConfig
from ..errors import ConfigError
from ..features.encoding import MISSING, Bins, Categories, Feature, FeatureKind, time_feature
from ..ingest.catalogue import check_unique_ids
from ..schema import Column
from .engines import Reduction
from .split import ROLE, Role
from .vocabulary import USERS

RARE = 5
"""A value that fewer users have in training is as if not given: nothing is learned from so few,
and it may tell who they are. Nor does a bin of numbers begin at one that fewer have."""
BINS = 16
"""Most stretches of a number, of about as many training events each."""
DIGITS = 3
"""Most significant digits of numbers that bins are made of: so many values fit in memory."""
SLOTS = 8
"""Most values at once that a feature keeps of an event or user."""

_VALUE = "value"
_SLOTS = "slots"


def check_users(users: pl.Schema | None, kinds: dict[str, FeatureKind]) -> None:
    """Raise ConfigError unless the table of users has what [features.user] names."""
    known = [] if users is None else [name for name in users if name != Column.USER]
    for name, kind in kinds.items():
        if users is None or name not in known:
            has = f"it has {', '.join(known)}" if known else "there is no such table: data.users"
            raise ConfigError(f"features.user.{name}: no such column of the users' table; {has}")
        if kind == "number" and not users[name].is_numeric():
            raise ConfigError(
                f'features.user.{name} = "number", but the table has text in it: "category" fits'
            )


def told_of_users(users: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """The attributes that are asked for, as columns named by Column.user_feature."""
    return users.select(
        Column.USER, *(pl.col(name).alias(Column.user_feature(name)) for name in names)
    )


def with_users(events: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Events with what is told of their users, null where nothing is."""
    check_unique_ids(users[Column.USER], "data.users")
    return events.join(users, on=Column.USER, how="left", maintain_order="left")


@dataclass(frozen=True)
class Fitted:
    """A feature, and what of the log its encoding shows."""

    feature: Feature
    fewest: int | None = None
    """Users who have the rarest value, or edge of a bin, that is kept; None: none is of the log."""
    withheld: int = 0
    """Values, or edges of bins, that too few users have."""


def first_counts(config: FeaturesConfig) -> list[Reduction]:
    """What `fit_features` needs to know first: values of each feature that [features] names."""
    return [_counting(feature, kind) for feature, kind in _named(config)]


def fit_features(
    config: FeaturesConfig,
    counts: Sequence[pl.DataFrame],
    count: Callable[[Reduction], pl.DataFrame],
) -> list[Fitted]:
    """The inputs that [features] asks for, in its order, encoded as TRAINING events need it.

    `counts` are those of `first_counts`; what else has to be known `count` is asked for.
    """
    fitted = [
        _fit_category(feature, found) if kind == "category" else _fit_number(feature, found, count)
        for (feature, kind), found in zip(_named(config), counts, strict=True)
    ]
    events = len(config.event)
    return [
        *fitted[:events],
        *(Fitted(time_feature(name)) for name in config.time),
        *fitted[events:],
    ]


def _named(config: FeaturesConfig) -> list[tuple[Feature, FeatureKind]]:
    of_events = [(Feature(n, "event", Bins(())), kind) for n, kind in config.event.items()]
    of_users = [(Feature(n, "user", Bins(())), kind) for n, kind in config.user.items()]
    return [*of_events, *of_users]


def _counting(feature: Feature, kind: FeatureKind, digits: int = DIGITS) -> Reduction:
    """Events and users of each value, by value, and the most values of one event."""
    read = _texts if kind == "category" else partial(_rounded, digits=digits)
    return Reduction(partial(_count, feature=feature, read=read), _merge)


def _count(
    events: pl.DataFrame, feature: Feature, read: Callable[[pl.Expr, pl.DataType], pl.Expr]
) -> pl.DataFrame:
    column = column_of(feature)
    values = read(pl.col(column), events.schema[column]).alias(_VALUE)
    rows = events.filter(pl.col(ROLE) == Role.TRAIN)
    if feature.of == "user":
        rows = rows.unique(Column.USER, keep="first", maintain_order=True)
    lists = rows.select(Column.USER, values)
    longest = pl.lit(lists[_VALUE].list.len().max() or 0, pl.Int64).alias(_SLOTS)
    found = lists.explode(_VALUE).drop_nulls(_VALUE).group_by(_VALUE)
    return found.agg(
        pl.len().cast(pl.Int64).alias(Column.COUNT),
        pl.col(Column.USER).n_unique().cast(pl.Int64).alias(USERS),
    ).with_columns(longest)


def _merge(parts: pl.DataFrame) -> pl.DataFrame:
    sums = pl.col(Column.COUNT, USERS).sum()
    return parts.group_by(_VALUE).agg(sums, pl.col(_SLOTS).max()).sort(_VALUE)


def _fit_category(feature: Feature, counts: pl.DataFrame) -> Fitted:
    kept = counts.filter(pl.col(USERS) >= RARE)
    slots = int(counts[_SLOTS].max() or 1)  # type: ignore[arg-type]
    categories = Categories(tuple(kept[_VALUE]))
    feature = replace(feature, encoding=categories, slots=min(SLOTS, max(1, slots)))
    return Fitted(feature, _fewest(kept), counts.height - kept.height)


def _fit_number(
    feature: Feature, counts: pl.DataFrame, count: Callable[[Reduction], pl.DataFrame]
) -> Fitted:
    """A bin for each of few values, or quantiles: edges that few users share are rounded further.

    In as many digits as enough users share, or there is no such edge.
    """
    kept: list[pl.DataFrame] = []
    wanted: pl.DataFrame | None = None
    for digits in range(DIGITS, 0, -1):
        if digits < DIGITS:
            counts = count(_counting(feature, "number", digits))
        frequent = counts.filter(pl.col(USERS) >= RARE)
        if wanted is None and counts.height <= BINS:  # such as stars
            kept, wanted = [frequent[1:]], counts.join(frequent, on=_VALUE, how="anti")
            break
        wanted = (_quantiles(counts) if wanted is None else wanted).select(
            pl.col(_VALUE).round_sig_figs(digits)
        )
        kept.append(frequent.join(wanted, on=_VALUE, how="semi"))
        wanted = wanted.join(frequent, on=_VALUE, how="anti")
        if wanted.is_empty():
            break
    edges = pl.concat(kept).unique(_VALUE, keep="first", maintain_order=True).sort(_VALUE)
    bins = Bins(tuple(edges[_VALUE].to_list()))
    withheld = 0 if wanted is None else wanted.height
    return Fitted(replace(feature, encoding=bins), _fewest(edges), withheld)


def _quantiles(counts: pl.DataFrame) -> pl.DataFrame:
    """The values that begin BINS stretches of about as many events each."""
    share = (counts[Column.COUNT].cum_sum() - counts[Column.COUNT]) / counts[Column.COUNT].sum()
    # An edge begins its bin: it is a value, so that values and no two bins fall together.
    wanted = np.searchsorted(share.to_numpy(), np.arange(1, BINS) / BINS, side="left")
    return counts[np.unique(wanted[wanted < counts.height])]


def _fewest(kept: pl.DataFrame) -> int | None:
    return int(kept[USERS].min()) if kept.height else None  # type: ignore[arg-type]


def _texts(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Categories as lists of text, spelled as `encoding.texts` spells them."""
    if isinstance(dtype, pl.List):
        return column.list.drop_nulls().list.unique(maintain_order=True)
    if dtype.is_float():
        integer = column.cast(pl.Int64, strict=False).cast(pl.String)
        column = pl.when(column == column.round()).then(integer).otherwise(column.cast(pl.String))
    return pl.concat_list(column.cast(pl.String)).list.drop_nulls()


def _rounded(column: pl.Expr, _: pl.DataType, digits: int) -> pl.Expr:
    number = column.cast(pl.Float64).round_sig_figs(digits)
    return pl.concat_list(pl.when(number.is_finite()).then(number)).list.drop_nulls()


def encode(features: list[Feature], schema: pl.Schema) -> list[pl.Expr]:
    """Columns of rows of events in order: List(Int32) of M each, under the columns' names.

    Features of time look at an event's neighbours of the same user: give all that there are.
    """
    return [_encode(feature, schema).alias(column_of(feature)) for feature in features]


def column_of(feature: Feature) -> str:
    """The column of events that holds a feature's values, and then its rows."""
    name = feature.name
    return Column.feature(name) if feature.of == "event" else Column.user_feature(name)


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
    known = _texts(value, dtype).list.eval(row_of).list.drop_nulls()
    padding = pl.lit(pl.Series([[MISSING] * feature.slots], dtype=pl.List(pl.Int32)))
    return pl.concat_list(known.fill_null([]), padding).list.head(feature.slots)


def _bin(values: pl.Series, edges: np.ndarray) -> pl.Series:
    numbers = values.cast(pl.Float64).to_numpy()
    row = 1 + np.searchsorted(edges, numbers, side="right")
    return pl.Series(values.name, np.where(np.isfinite(numbers), row, MISSING), dtype=pl.Int32)


def _time_value(name: str) -> tuple[pl.Expr, pl.DataType]:
    clock = pl.col(Column.CLOCK)
    gap = (clock - clock.shift(1).over(Column.USER)) / 1000
    match name:
        case "gap":
            return gap, pl.Float64()
        case "now":
            return gap.shift(-1).over(Column.USER), pl.Float64()
        case "hour":
            return clock // 3_600_000 % 24, pl.Int64()
        case _:  # the first of January 1970 was a Thursday, 3
            return (clock // 86_400_000 + 3) % 7, pl.Int64()
