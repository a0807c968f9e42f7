"""Blocks of rows -> one bucket, in memory that is set by its users and not by their events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ...schema import Column

FOLD_ROWS = 4_000_000
"""Rows that are gathered before it is looked whether a user has too many."""


@dataclass(frozen=True)
class Cut:
    """What was left out of users with too many events."""

    events: int = 0
    users: int = 0

    def __add__(self, other: Cut) -> Cut:
        return Cut(self.events + other.events, self.users + other.users)


def newest(events: pl.DataFrame, most: int) -> pl.DataFrame:
    """Keep each user's newest events, at most so many; of one moment the last of the input."""
    if events.height <= most:  # as nearly always: nobody can have more
        return events
    crowded = _crowded(events, most)
    if crowded.is_empty():
        return events
    is_crowded = pl.col(Column.USER).is_in(crowded.implode())
    cut = (
        events.filter(is_crowded)
        .sort(Column.TIME, Column.ORDER, descending=True)
        .filter(pl.int_range(pl.len()).over(Column.USER) < most)
    )
    return pl.concat([events.filter(~is_crowded), cut])


def _crowded(events: pl.DataFrame, most: int) -> pl.Series:
    sizes = events.group_by(Column.USER).len()
    return sizes.filter(pl.col("len") > most)[Column.USER]


def fold(blocks: Iterable[pl.DataFrame], most: int | None) -> tuple[pl.DataFrame, Cut]:
    """Put a bucket together, of each user the `newest` events only; and what that left out.

    At no moment are there many more rows than that, or than FOLD_ROWS.
    """
    gathered: list[pl.DataFrame] = []
    taken = rows = 0
    limit = FOLD_ROWS
    for block in blocks:
        gathered.append(block)
        taken += block.height
        rows += block.height
        if most is not None and rows > limit:
            # One more than is kept tells at the end who had too many.
            gathered = [newest(pl.concat(gathered), most + 1)]
            rows = gathered[0].height
            limit = max(FOLD_ROWS, 2 * rows)
    whole = pl.concat(gathered)
    if most is None or whole.height <= most:
        return whole, Cut()
    kept = newest(whole, most)
    users = 0 if taken == kept.height else len(_crowded(whole, most))
    return kept, Cut(taken - kept.height, users)
