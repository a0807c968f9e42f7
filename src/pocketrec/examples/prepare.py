"""The preparation, start to end: events -> filters -> split -> vocabulary -> shards."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ..config import Config, DataConfig
from ..encoding import Feature
from ..errors import DataError
from ..schema import Column, File
from . import split
from .advice import warnings
from .disclosure import disclosure, untitled
from .engines import Buckets, Engine
from .filters import keep_first, keep_items
from .inputs import fit_features, with_users
from .oddities import find_oddities
from .sequences import in_order, user_sequences
from .survey import Survey, survey
from .vocabulary import USERS, count_items, sum_counts, vocabulary


def prepare(
    events: pl.LazyFrame,
    catalogue: pl.DataFrame | None,
    users: pl.DataFrame | None,
    config: Config,
    engine: Engine,
    folder: Path,
    *,
    now: float | None = None,
) -> tuple[dict[str, Any], list[Feature]]:
    """Write shards and the item table into `folder`; return the counts and the inputs' encodings.

    Among the counts are the `advice.warnings` on them, as "warnings", and the table of what a
    bundle will show of the log, as "disclosed". `now`, in seconds since 1970, is the moment after
    which events are of the future; None: it is not asked. Raises DataError when nothing is left
    to train on or to test with.
    """
    data = config.data
    rows = None
    if data.min_rating is not None:
        rows = events.select(pl.len()).collect(engine="streaming").item()
        events = events.filter(pl.col(Column.RATING) >= data.min_rating)
    buckets = engine.partition(events, data.buckets)
    read = first = survey(buckets, data.min_user_events)
    rows = read.events if rows is None else rows
    _need_users(read)
    has_clock = data.source is None and data.time_format != "order"
    oddities, examples = find_oddities(buckets, read, now if has_clock else None)
    if data.repeats_rule == "first":
        buckets = buckets.map(keep_first)
        first = survey(buckets, data.min_user_events)
    buckets, kept = _k_core(buckets, first, data)
    cuts = _cuts(buckets, config)
    names = list(config.features.user)
    buckets = buckets.map(
        lambda part: with_users(
            split.assign_roles(in_order(part), config.split, cuts), users, names
        )
    )
    trained = buckets.combine(
        lambda part: count_items(part.filter(pl.col(split.ROLE) == split.Role.TRAIN)), sum_counts
    )
    items = vocabulary(trained)
    _need_split(buckets, config)
    fitted = fit_features(buckets, config.features)
    features = [fit.feature for fit in fitted]
    buckets.write(lambda part: user_sequences(part, items, features), folder / File.SHARDS)
    table = _with_catalogue(items, catalogue)
    table.write_parquet(folder / File.ITEMS_TABLE)
    counts: dict[str, Any] = {
        "rows": rows,
        "read": read.to_json(),
        "kept": kept.to_json(),
        "items": items.height,
        "training_events": int(items[Column.COUNT].sum()),
        "cuts": cuts,
        "largest_user": kept.largest,
        "dropped": _dropped(rows, read, first, data),
        "oddities": oddities,
        "catalogue": None if catalogue is None else _of_catalogue(catalogue, read, table),
    }
    if catalogue is not None and catalogue.height and not counts["catalogue"]["known_items"]:
        examples["catalogue"] = str(catalogue[Column.ITEM][0]), str(table[Column.ITEM][0])
    counts["warnings"] = warnings(counts, examples, data)
    counts["disclosed"] = disclosure(kept, trained, table, fitted)
    return counts, features


def _need_users(read: Survey) -> None:
    if read.events == 0:
        raise DataError("the log has no events (none with at least data.min_rating, if it is set)")
    if read.users < 2:
        raise DataError(
            f"the log has one user only ({read.events} events): what one user does next can only "
            "be learned from others; check that data.user names the right column"
        )


def _k_core(buckets: Buckets, found: Survey, data: DataConfig) -> tuple[Buckets, Survey]:
    """Drop users and items with too little, again and again until all have enough."""
    first = found
    enough = _frequent(data) & _shared(data)
    while found.small_users or not found.items.select(enough.all()).item():
        items = found.items.filter(enough)[Column.ITEM]
        buckets = buckets.map(
            partial(keep_items, items=items, min_user_events=data.min_user_events)
        )
        found = survey(buckets, data.min_user_events)
    if found.events == 0:
        raise DataError(
            f"no event is left of {first.events} ({first.users} users, {first.items.height} "
            f"items) after dropping users with fewer than {data.min_user_events} events and items "
            f"with fewer than {data.min_item_events} events or {data.min_item_users} users: lower "
            "data.min_user_events, data.min_item_events or data.min_item_users"
        )
    return buckets, found


def _frequent(data: DataConfig) -> pl.Expr:
    return pl.col(Column.COUNT) >= data.min_item_events


def _shared(data: DataConfig) -> pl.Expr:
    return pl.col(USERS) >= data.min_item_users


def _dropped(rows: int, read: Survey, first: Survey, data: DataConfig) -> dict[str, Any]:
    """By setting, what it drops of the log as it is before any of the filters of the k-core.

    What more is dropped, because of what was dropped, is nobody's own.
    """
    few = first.items.filter(~_frequent(data))
    unshared = first.items.filter(_frequent(data) & ~_shared(data))
    return {
        "min_rating": {"events": rows - read.events},
        "repeats": {"events": read.events - first.events},
        "min_user_events": {"events": first.small_events, "users": first.small_users},
        "min_item_events": {"events": int(few[Column.COUNT].sum()), "items": few.height},
        "min_item_users": {"events": int(unshared[Column.COUNT].sum()), "items": unshared.height},
    }


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


def _of_catalogue(catalogue: pl.DataFrame, read: Survey, table: pl.DataFrame) -> dict[str, int]:
    """How the catalogue fits the log."""
    ids, met = (frame[Column.ITEM].cast(pl.String) for frame in (catalogue, read.items))
    items = table[Column.ITEM].cast(pl.String)
    return {
        "rows": catalogue.height,
        "never_met": catalogue.height - int(ids.is_in(met.implode()).sum()),
        "known_items": int(items.is_in(ids.implode()).sum()),
        "untitled_items": untitled(table),
    }


def _with_catalogue(items: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """Vocabulary with titles and attributes, in order of the index."""
    if catalogue is None:
        return items.with_columns(pl.lit(None, pl.String).alias(Column.TITLE))
    if catalogue[Column.ITEM].dtype != items[Column.ITEM].dtype:
        catalogue = catalogue.cast({Column.ITEM: pl.String})
        items = items.cast({Column.ITEM: pl.String})
    return items.join(catalogue, on=Column.ITEM, how="left", maintain_order="left")
