"""Which event is for what: training, context, or the target of validation or test.

Every target's history is what the user did before it. Training events of a user come before
all of the user's targets, so nothing that is tested was trained on.
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from ..config.data import SplitConfig
from ..schema import Column
from .buckets import unit_interval

ROLE = "role"
_POSITION = "_position"
_LENGTH = "_length"
RESOLUTION = 10_000
"""Steps into which `time_histogram` cuts the span of the log."""


class Role(IntEnum):
    """What an event is for."""

    TRAIN = 0
    CONTEXT = 1  # part of a later target's history, never trained on
    VALID = 2
    TEST = 3
    DROP = 4  # after the last target: of no use


def assign_roles(
    events: pl.DataFrame, split: SplitConfig, cuts: tuple[int, int] | None = None
) -> pl.DataFrame:
    """Add the column `role` to events that are sorted by user, time and input order.

    `cuts` are the two moments of a split by time: training ends before the first, the tuning
    window before the second; the target of a window is a user's first event in it.
    """
    events = events.with_columns(
        pl.int_range(pl.len()).over(Column.USER).alias(_POSITION),
        pl.len().over(Column.USER).alias(_LENGTH),
    )
    match split.kind:
        case "leave-one-out":
            role = _leave_one_out()
        case "users":
            role = _held_out_users(split)
        case "time":
            if cuts is None:
                raise ValueError("a split by time needs its two cuts")
            role = _by_time(*cuts)
    return (
        events.with_columns(role.cast(pl.UInt8).alias(ROLE))
        .drop(_POSITION, _LENGTH)
        .filter(pl.col(ROLE) != Role.DROP)
    )


def _leave_one_out() -> pl.Expr:
    """Last event tests, the one before it tunes; users with fewer than 3 events only train."""
    from_end = pl.col(_LENGTH) - 1 - pl.col(_POSITION).cast(pl.Int64)
    return (
        pl.when(pl.col(_LENGTH) < 3)
        .then(Role.TRAIN)
        .when(from_end == 0)
        .then(Role.TEST)
        .when(from_end == 1)
        .then(Role.VALID)
        .otherwise(Role.TRAIN)
    )


def _held_out_users(split: SplitConfig) -> pl.Expr:
    """Some users only test and some only tune, each on the last event; the rest only train."""
    chance = pl.col(Column.USER).map_batches(
        lambda users: unit_interval(users, split.seed), return_dtype=pl.Float64
    )
    last = pl.col(_POSITION) == pl.col(_LENGTH) - 1
    return (
        pl.when(chance < split.test_fraction)
        .then(pl.when(last).then(Role.TEST).otherwise(Role.CONTEXT))
        .when(chance < split.test_fraction + split.valid_fraction)
        .then(pl.when(last).then(Role.VALID).otherwise(Role.CONTEXT))
        .otherwise(Role.TRAIN)
    )


def _by_time(valid_cut: int, test_cut: int) -> pl.Expr:
    window = (
        pl.when(pl.col(Column.TIME) >= test_cut)
        .then(2)
        .when(pl.col(Column.TIME) >= valid_cut)
        .then(1)
        .otherwise(0)
    )
    first_in_window = pl.int_range(pl.len()).over(Column.USER, window) == 0
    return (
        pl.when(window == 0)
        .then(Role.TRAIN)
        .when(window == 1)
        .then(pl.when(first_in_window).then(Role.VALID).otherwise(Role.CONTEXT))
        .otherwise(pl.when(first_in_window).then(Role.TEST).otherwise(Role.DROP))
    )


def time_histogram(events: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Events per step of the span, so that the cuts need a table of fixed size, not the log."""
    step = time_step(first, last)
    return events.group_by(((pl.col(Column.TIME) - first) // step).alias("step")).agg(
        pl.len().cast(pl.Int64).alias(Column.COUNT)
    )


def time_step(first: int, last: int) -> int:
    """Length of one step of the histogram, in units of the time column."""
    return max(1, -(-(last - first + 1) // RESOLUTION))


def sum_steps(histograms: pl.DataFrame) -> pl.DataFrame:
    """Add up histograms of several buckets."""
    return histograms.group_by("step").agg(pl.col(Column.COUNT).sum())


def time_cuts(
    histogram: pl.DataFrame, first: int, last: int, split: SplitConfig
) -> tuple[int, int]:
    """The moments after which the tuning and the test share of all events begin."""
    steps = sum_steps(histogram).sort("step")
    before = steps[Column.COUNT].cum_sum() - steps[Column.COUNT]
    share = before / steps[Column.COUNT].sum()
    cuts = []
    for wanted in (1 - split.valid_fraction - split.test_fraction, 1 - split.test_fraction):
        later = steps["step"].filter(share >= wanted)
        step = later[0] if len(later) else steps["step"][-1] + 1
        cuts.append(first + int(step) * time_step(first, last))
    return cuts[0], cuts[1]


def count_roles(events: pl.DataFrame) -> pl.DataFrame:
    """How many events of a bucket are for what."""
    return events.group_by(ROLE).agg(pl.len().cast(pl.Int64).alias(Column.COUNT))


def sum_roles(counts: pl.DataFrame) -> pl.DataFrame:
    """Add up the counts of several buckets."""
    return counts.group_by(ROLE).agg(pl.col(Column.COUNT).sum())
