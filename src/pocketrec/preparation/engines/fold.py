"""Join blocks of rows into one bucket, in memory bounded by its users rather than its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ...schema import Column

FOLD_ROWS = 4_000_000
"""Rows to gather before looking for users with too many events."""


@dataclass(frozen=True)
class Truncated:
    """What was dropped of users with too many events."""

    events: int = 0
    users: int = 0

    def __add__(self, other: Truncated) -> Truncated:
        return Truncated(self.events + other.events, self.users + other.users)


def keep_newest(events: pl.DataFrame, most: int) -> pl.DataFrame:
    """Keep the newest `most` events of each user; at equal times, the last ones of the input."""
    if events.height <= most:  # the usual case: nobody can have more
        return events
    users = _find_truncated(events, most)
    if users.is_empty():
        return events
    is_truncated = pl.col(Column.USER).is_in(users.implode())
    kept = (
        events.filter(is_truncated)
        .sort(Column.TIME, Column.ORDER, descending=True)
        .filter(pl.int_range(pl.len()).over(Column.USER) < most)
    )
    return pl.concat([events.filter(~is_truncated), kept])


def _find_truncated(events: pl.DataFrame, most: int) -> pl.Series:
    """The users with more than `most` events."""
    sizes = events.group_by(Column.USER).len()
    return sizes.filter(pl.col("len") > most)[Column.USER]


def fold(
    blocks: Iterable[pl.DataFrame], most: int | None, fold_rows: int = FOLD_ROWS
) -> tuple[pl.DataFrame, Truncated]:
    """Join blocks into a bucket with the newest `most` events of each user; None keeps all.

    Never holds many more rows than the result or `fold_rows`, whichever is larger.
    """
    gathered: list[pl.DataFrame] = []
    total = rows = 0
    limit = fold_rows
    for block in blocks:
        gathered.append(block)
        total += block.height
        rows += block.height
        if most is not None and rows > limit:
            # Keep one event too many: at the end it shows which users had more than `most`.
            gathered = [keep_newest(pl.concat(gathered), most + 1)]
            rows = gathered[0].height
            limit = max(fold_rows, 2 * rows)
    whole = pl.concat(gathered)
    if most is None or whole.height <= most:
        return whole, Truncated()
    kept = keep_newest(whole, most)
    users = 0 if total == kept.height else len(_find_truncated(whole, most))
    return kept, Truncated(total - kept.height, users)
