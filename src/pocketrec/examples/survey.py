"""How large a log is, and how its events spread over users and items: found bucket by bucket."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..schema import Column
from .engines import Buckets
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
    items: pl.DataFrame
    """Columns item, count and users (see `vocabulary`), by item."""

    def to_json(self) -> dict[str, int]:
        """As the manifest keeps it."""
        return {"events": self.events, "users": self.users, "items": self.items.height}


def survey(buckets: Buckets, min_user_events: int) -> Survey:
    """Count events, users and items, and the users with fewer than `min_user_events` events."""
    size = pl.col(Column.COUNT)
    small = size < min_user_events

    def count(events: pl.DataFrame) -> pl.DataFrame:
        users = events.group_by(Column.USER).agg(pl.len().cast(pl.Int64).alias(Column.COUNT))
        return users.select(
            events=size.sum(),
            users=pl.len().cast(pl.Int64),
            largest=size.max().fill_null(0),
            small_users=small.sum().cast(pl.Int64),
            small_events=size.filter(small).sum(),
        ).with_columns(count_items(events).select(items=pl.struct(pl.all()).implode()))

    def merge(parts: pl.DataFrame) -> pl.DataFrame:
        items = parts.select(pl.col("items").explode(empty_as_null=False)).unnest("items")
        return parts.select(
            pl.col("events", "users").sum(),
            pl.col("largest").max(),
            pl.col("small_users", "small_events").sum(),
        ).with_columns(sum_counts(items).select(items=pl.struct(pl.all()).implode()))

    found = buckets.combine(count, merge)
    items = found.select(pl.col("items").explode(empty_as_null=False)).unnest("items")
    return Survey(**found.drop("items").row(0, named=True), items=items)
