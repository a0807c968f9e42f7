"""The preparation, start to end: events -> filters -> split -> vocabulary -> shards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ..config import Config
from ..encoding import Feature
from ..errors import DataError
from ..schema import Column, File
from . import split
from .engines import Buckets, Engine
from .filters import keep_first, keep_items
from .inputs import fit_features, with_users
from .sequences import in_order, user_sequences
from .vocabulary import count_items, sum_counts, vocabulary


@dataclass(frozen=True)
class Counts:
    """Size of a log at one point of the preparation."""

    events: int
    users: int
    items: int

    def to_json(self) -> dict[str, int]:
        """As the manifest keeps it."""
        return {"events": self.events, "users": self.users, "items": self.items}


def prepare(
    events: pl.LazyFrame,
    catalogue: pl.DataFrame | None,
    users: pl.DataFrame | None,
    config: Config,
    engine: Engine,
    folder: Path,
) -> tuple[dict[str, Any], list[Feature]]:
    """Write shards and the item table into `folder`; return the counts and the inputs' encodings.

    Raises DataError when nothing is left to train on or to test with.
    """
    data = config.data
    if data.min_rating is not None:
        events = events.filter(pl.col(Column.RATING) >= data.min_rating)
    buckets = engine.partition(events, data.buckets)
    read, item_counts = _count(buckets)
    _need_users(read)
    if data.repeats_rule == "first":
        buckets = buckets.map(keep_first)
        _, item_counts = _count(buckets)
    buckets, kept = _k_core(buckets, read, item_counts, data.min_user_events, data.min_item_events)
    cuts = _cuts(buckets, config)
    names = list(config.features.user)
    buckets = buckets.map(
        lambda part: with_users(
            split.assign_roles(in_order(part), config.split, cuts), users, names
        )
    )
    counts = buckets.combine(
        lambda part: count_items(part.filter(pl.col(split.ROLE) == split.Role.TRAIN)), sum_counts
    )
    items = vocabulary(counts)
    _need_split(buckets, config)
    features = fit_features(buckets, config.features)
    buckets.write(lambda part: user_sequences(part, items, features), folder / File.SHARDS)
    _with_catalogue(items, catalogue).write_parquet(folder / File.ITEMS_TABLE)
    return {
        "read": read.to_json(),
        "kept": kept.to_json(),
        "items": items.height,
        "training_events": int(items[Column.COUNT].sum()),
        "cuts": cuts,
    }, features


def _count(buckets: Buckets) -> tuple[Counts, pl.DataFrame]:
    """Size of the log, and its item counts."""
    users = buckets.combine(
        lambda part: part.select(pl.col(Column.USER).n_unique().cast(pl.Int64)), _sum
    )
    items = buckets.combine(count_items, sum_counts)
    counts = Counts(int(items[Column.COUNT].sum()), int(users.item()), items.height)
    return counts, items


def _sum(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.sum()


def _need_users(read: Counts) -> None:
    if read.events == 0:
        raise DataError("the log has no events (none with at least data.min_rating, if it is set)")
    if read.users < 2:
        raise DataError(
            f"the log has one user only ({read.events} events): what one user does next can only "
            "be learned from others; check that data.user names the right column"
        )


def _k_core(
    buckets: Buckets,
    read: Counts,
    items: pl.DataFrame,
    min_user_events: int,
    min_item_events: int,
) -> tuple[Buckets, Counts]:
    """Drop users and items with too few events, again and again until all have enough."""
    while True:
        enough = items.filter(pl.col(Column.COUNT) >= min_item_events)[Column.ITEM]
        buckets = buckets.map(partial(keep_items, items=enough, min_user_events=min_user_events))
        counts, items = _count(buckets)
        if counts.events == 0:
            raise DataError(
                f"no event is left of {read.events} ({read.users} users, {read.items} items) after "
                f"dropping users with fewer than {min_user_events} and items with fewer than "
                f"{min_item_events} events: lower data.min_user_events or data.min_item_events"
            )
        # Every user has just been seen to have enough; what they lost may have been an item's.
        if items.select((pl.col(Column.COUNT) >= min_item_events).all()).item():
            return buckets, counts


def _cuts(buckets: Buckets, config: Config) -> tuple[int, int] | None:
    if config.split.kind != "time":
        return None
    span = buckets.combine(
        split.time_range,
        lambda parts: parts.select(pl.col("first").min(), pl.col("last").max()),
    )
    first, last = span.row(0)
    histogram = buckets.combine(
        lambda part: split.time_histogram(part, first, last),
        lambda parts: parts.group_by("step").agg(pl.col(Column.COUNT).sum()),
    )
    return split.time_cuts(histogram, first, last, config.split)


def _need_split(buckets: Buckets, config: Config) -> None:
    """Refuse a split that leaves nothing to train, tune or test on."""
    roles = buckets.combine(
        lambda part: part.group_by(split.ROLE).agg(pl.len().cast(pl.Int64).alias(Column.COUNT)),
        lambda parts: parts.group_by(split.ROLE).agg(pl.col(Column.COUNT).sum()),
    )
    found = dict(roles.iter_rows())
    for role, purpose in (
        (split.Role.TRAIN, "training event"),
        (split.Role.VALID, "validation target"),
        (split.Role.TEST, "test target"),
    ):
        if not found.get(int(role)):
            raise DataError(
                f"the split '{config.split.kind}' leaves no {purpose}: the log is too small for "
                "it; bring more users, or choose another split.kind"
            )


def _with_catalogue(items: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """Vocabulary with titles and attributes, in order of the index."""
    if catalogue is None:
        return items.with_columns(pl.lit(None, pl.String).alias(Column.TITLE))
    if catalogue[Column.ITEM].dtype != items[Column.ITEM].dtype:
        catalogue = catalogue.cast({Column.ITEM: pl.String})
        items = items.cast({Column.ITEM: pl.String})
    return items.join(catalogue, on=Column.ITEM, how="left", maintain_order="left")
