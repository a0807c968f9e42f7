"""The size of a log, and how its events spread over users and items, counted bucket by bucket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import polars as pl

from ..schema import Column
from .engines import Reduction
from .vocabulary import count_items, sum_counts


@dataclass(frozen=True)
class Survey:
    """The size of a log at one point of the preparation."""

    events: int
    users: int
    largest: int
    """Events of the user who has the most."""
    small_users: int
    """Users with fewer events than `min_user_events`."""
    small_events: int
    """Events of these users."""
    first: int | None
    """Time of the first event; None if there are no events."""
    last: int | None
    """Time of the last event; None if there are no events."""
    items: pl.DataFrame
    """Columns item, count and users (see `count_items`), sorted by item."""

    @classmethod
    def of(cls, table: pl.DataFrame) -> Survey:
        """Read the result of a `survey_reduction`."""
        items = table.select(pl.col("items").explode(empty_as_null=False)).unnest("items")
        return cls(**table.drop("items").row(0, named=True), items=items)

    def to_json(self) -> dict[str, int]:
        """The three numbers that the manifest keeps."""
        return {"events": self.events, "users": self.users, "items": self.items.height}


def survey_reduction(min_user_events: int, *, once: bool = False) -> Reduction:
    """A reduction to one row for `Survey.of`: events, users, items and small users.

    `once` says that no user has the same item twice, which makes counting cheaper.
    """
    return Reduction(partial(_count, min_user_events=min_user_events, once=once), _merge)


def _count(events: pl.DataFrame, min_user_events: int, *, once: bool) -> pl.DataFrame:
    size = pl.col(Column.COUNT)
    small = size < min_user_events
    users = events.group_by(Column.USER).agg(pl.len().cast(pl.Int64).alias(Column.COUNT))
    time = events[Column.TIME]
    # One row; the table of items is a list in one of its cells.
    return users.select(
        events=size.sum(),
        users=pl.len().cast(pl.Int64),
        largest=size.max().fill_null(0),
        small_users=small.sum().cast(pl.Int64),
        small_events=size.filter(small).sum(),
        first=pl.lit(time.min(), pl.Int64),
        last=pl.lit(time.max(), pl.Int64),
    ).with_columns(count_items(events, once=once).select(items=pl.struct(pl.all()).implode()))


def _merge(parts: pl.DataFrame) -> pl.DataFrame:
    items = parts.select(pl.col("items").explode(empty_as_null=False)).unnest("items")
    return parts.select(
        pl.col("events", "users").sum(),
        pl.col("largest").max(),
        pl.col("small_users", "small_events").sum(),
        pl.col("first").min(),
        pl.col("last").max(),
    ).with_columns(sum_counts(items).select(items=pl.struct(pl.all()).implode()))
