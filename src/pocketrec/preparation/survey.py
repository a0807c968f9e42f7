"""How large a log is, and how its events spread over users and items: found bucket by bucket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import polars as pl

from ..schema import Column
from .engines import Reduction
from .vocabulary import count_items, sum_counts


@dataclass(frozen=True)
class Survey:
    """A log at one point of the preparation."""

    events: int
    users: int
    largest: int
    """Events of the user who has most."""
    small_users: int
    """Users with fewer events than was asked about."""
    small_events: int
    """Events of these users."""
    first: int | None
    last: int | None
    """The moments of the first event and the last; None where there is none."""
    items: pl.DataFrame
    """Columns item, count and users (see `vocabulary`), by item."""

    @classmethod
    def of(cls, found: pl.DataFrame) -> Survey:
        """What `surveying` found."""
        items = found.select(pl.col("items").explode(empty_as_null=False)).unnest("items")
        return cls(**found.drop("items").row(0, named=True), items=items)

    def to_json(self) -> dict[str, int]:
        """As the manifest keeps it."""
        return {"events": self.events, "users": self.users, "items": self.items.height}


def surveying(min_user_events: int, *, once: bool = False) -> Reduction:
    """Count events, users and items, and the users with fewer than `min_user_events` events.

    `once` says that no user has an item twice. The result is for `Survey.of`.
    """
    return Reduction(partial(_count, min_user_events=min_user_events, once=once), _merge)


def _count(events: pl.DataFrame, min_user_events: int, *, once: bool) -> pl.DataFrame:
    size = pl.col(Column.COUNT)
    small = size < min_user_events
    users = events.group_by(Column.USER).agg(pl.len().cast(pl.Int64).alias(Column.COUNT))
    time = events[Column.TIME]
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
