"""The role of each event: training, context, validation target or test target.

The history of a target is what the user did before it. All training events of a user come before
the user's targets, so the model is never tested on an event it was trained on.
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
"""Steps into which `time_histogram` divides the span of the log."""


class Role(IntEnum):
    """The purpose of an event."""

    TRAIN = 0
    CONTEXT = 1  # part of a later target's history, never trained on
    VALID = 2
    TEST = 3
    DROP = 4  # after the last target: not used


def assign_roles(
    events: pl.DataFrame, split: SplitConfig, cuts: tuple[int, int] | None = None
) -> pl.DataFrame:
    """Add the column `role` to events that are sorted by user, time and input order.

    `cuts` are the two moments of a split by time: training ends before the first, the validation
    window before the second. A user's target in a window is the first event in it.
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
    """The last event is the test target, the one before it validates; users of 1-2 events train."""
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
    """Test on the last event of some users, validate on that of others, train on the rest."""
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
    """Count events per step of the span, a table of fixed size from which the cuts can be found."""
    step = time_step(first, last)
    return events.group_by(((pl.col(Column.TIME) - first) // step).alias("step")).agg(
        pl.len().cast(pl.Int64).alias(Column.COUNT)
    )


def time_step(first: int, last: int) -> int:
    """The length of a step of the histogram, in units of the time column."""
    return max(1, -(-(last - first + 1) // RESOLUTION))


def sum_steps(histograms: pl.DataFrame) -> pl.DataFrame:
    """Add up histograms of several buckets."""
    return histograms.group_by("step").agg(pl.col(Column.COUNT).sum())


def time_cuts(
    histogram: pl.DataFrame, first: int, last: int, split: SplitConfig
) -> tuple[int, int]:
    """Find the moments where the validation share and the test share of all events begin."""
    steps = sum_steps(histogram).sort("step")
    before = steps[Column.COUNT].cum_sum() - steps[Column.COUNT]
    share = before / steps[Column.COUNT].sum()
    cuts = []
    for begin in (1 - split.valid_fraction - split.test_fraction, 1 - split.test_fraction):
        later = steps["step"].filter(share >= begin)
        step = later[0] if len(later) else steps["step"][-1] + 1
        cuts.append(first + int(step) * time_step(first, last))
    return cuts[0], cuts[1]


def count_roles(events: pl.DataFrame) -> pl.DataFrame:
    """Count the events of a bucket by role."""
    return events.group_by(ROLE).agg(pl.len().cast(pl.Int64).alias(Column.COUNT))


def sum_roles(counts: pl.DataFrame) -> pl.DataFrame:
    """Add up the counts of several buckets."""
    return counts.group_by(ROLE).agg(pl.col(Column.COUNT).sum())
