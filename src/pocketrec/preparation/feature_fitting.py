"""Encodings of event and user features, learned from the values in training events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl

from ..config.features import FeaturesConfig
from ..features.encoding import Bins, Categories, Feature, FeatureKind, time_feature
from ..schema import Column
from .engines import Reduction
from .features import column_of, read_categories, read_numbers
from .split import ROLE, Role
from .vocabulary import USERS

RARE = 5
"""A value that fewer users have in training counts as missing: nothing is learned from so few
users, and the value may identify them. Nor does a bin of numbers begin at such a value."""
BINS = 16
"""Most bins of a number; each holds about as many training events."""
DIGITS = 3
"""Most significant digits of numbers that bins are made of, so that their values fit in memory."""
SLOTS = 8
"""Most values that one event or user keeps of a feature with lists."""

_VALUE = "value"
_SLOTS = "slots"


@dataclass(frozen=True)
class FittedFeature:
    """A feature with its encoding, and what the encoding reveals of the log."""

    feature: Feature
    fewest: int | None = None
    """Users who have the rarest value or bin edge that is kept; None: the log gave none."""
    withheld: int = 0
    """Values or bin edges that are left out because too few users have them."""


def value_count_reductions(config: FeaturesConfig) -> list[Reduction]:
    """Reductions that count the values of each event and user feature, for `fit_features`."""
    return [_value_count_reduction(feature, kind) for feature, kind in _configured(config)]


def fit_features(
    config: FeaturesConfig,
    counts: Sequence[pl.DataFrame],
    count: Callable[[Reduction], pl.DataFrame],
) -> list[FittedFeature]:
    """Fit the encoding of each input of [features], in its order, to the TRAINING events.

    `counts` are the results of `value_count_reductions`. `count` runs a further reduction: numbers
    may need another pass with fewer digits.
    """
    fitted = [
        _fit_category(feature, values)
        if kind == "category"
        else _fit_number(feature, values, count)
        for (feature, kind), values in zip(_configured(config), counts, strict=True)
    ]
    events = len(config.event)
    return [
        *fitted[:events],
        *(FittedFeature(time_feature(name)) for name in config.time),
        *fitted[events:],
    ]


def _configured(config: FeaturesConfig) -> list[tuple[Feature, FeatureKind]]:
    """The features of events and then of users, not fitted yet."""
    of_events = [(Feature(n, "event", Bins(())), kind) for n, kind in config.event.items()]
    of_users = [(Feature(n, "user", Bins(())), kind) for n, kind in config.user.items()]
    return [*of_events, *of_users]


def _value_count_reduction(feature: Feature, kind: FeatureKind, digits: int = DIGITS) -> Reduction:
    """Count events and users by value, and the most values of one event."""
    read = read_categories if kind == "category" else partial(read_numbers, digits=digits)
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
    by_value = lists.explode(_VALUE).drop_nulls(_VALUE).group_by(_VALUE)
    return by_value.agg(
        pl.len().cast(pl.Int64).alias(Column.COUNT),
        pl.col(Column.USER).n_unique().cast(pl.Int64).alias(USERS),
    ).with_columns(longest)


def _merge(parts: pl.DataFrame) -> pl.DataFrame:
    sums = pl.col(Column.COUNT, USERS).sum()
    return parts.group_by(_VALUE).agg(sums, pl.col(_SLOTS).max()).sort(_VALUE)


def _fit_category(feature: Feature, counts: pl.DataFrame) -> FittedFeature:
    kept = counts.filter(pl.col(USERS) >= RARE)
    slots = int(counts[_SLOTS].max() or 1)  # type: ignore[arg-type]
    categories = Categories(tuple(kept[_VALUE]))
    feature = replace(feature, encoding=categories, slots=min(SLOTS, max(1, slots)))
    return FittedFeature(feature, _fewest(kept), counts.height - kept.height)


def _fit_number(
    feature: Feature, counts: pl.DataFrame, count: Callable[[Reduction], pl.DataFrame]
) -> FittedFeature:
    """One bin per value if there are at most BINS values, otherwise bins between quantiles.

    An edge that too few users share is rounded to fewer digits until enough users share it, or is
    left out.
    """
    kept: list[pl.DataFrame] = []
    wanted: pl.DataFrame | None = None  # edges that too few users share so far
    for digits in range(DIGITS, 0, -1):
        if digits < DIGITS:
            counts = count(_value_count_reduction(feature, "number", digits))
        frequent = counts.filter(pl.col(USERS) >= RARE)
        if wanted is None and counts.height <= BINS:  # few values, such as star ratings
            # The lowest value needs no edge: it lies in the first bin.
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
    return FittedFeature(replace(feature, encoding=bins), _fewest(edges), withheld)


def _quantiles(counts: pl.DataFrame) -> pl.DataFrame:
    """The values at which BINS bins of about as many events each begin."""
    share = (counts[Column.COUNT].cum_sum() - counts[Column.COUNT]) / counts[Column.COUNT].sum()
    # An edge is always a value of the log, so no two edges fall between the same two values.
    wanted = np.searchsorted(share.to_numpy(), np.arange(1, BINS) / BINS, side="left")
    return counts[np.unique(wanted[wanted < counts.height])]


def _fewest(kept: pl.DataFrame) -> int | None:
    return int(kept[USERS].min()) if kept.height else None  # type: ignore[arg-type]
