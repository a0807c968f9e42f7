"""The preparation, start to end: events -> filters -> split -> vocabulary -> shards."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ..config.data import DataConfig
from ..config.sections import Config
from ..errors import DataError
from ..features.encoding import Feature
from ..ingest.events import Log
from ..ingest.users import Users
from ..schema import Column, File
from . import split
from .advice import write_warnings
from .buckets import choose_bucket_count
from .disclosure import count_untitled, describe_disclosure
from .engines import Buckets, Engine, Plan, Reduction
from .engines.fold import Truncated
from .feature_fitting import fit_features, value_count_reductions
from .features import join_users, select_user_attributes
from .filters import keep_first, keep_items
from .oddities import id_form_reduction, oddity_reduction, summarize_oddities
from .sequences import gather_sequences, rank_times, sort_events
from .survey import Survey, survey_reduction
from .vocabulary import USERS, build_vocabulary, count_items, sum_counts


def run_preparation(
    events: pl.LazyFrame | Log,
    catalogue: pl.DataFrame | None,
    users: pl.DataFrame | Users | None,
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
    rows = events.rows if isinstance(events, Log) else _count_rows(events)
    number = data.buckets or choose_bucket_count(rows)
    select = partial(_take, min_rating=data.min_rating)
    buckets = engine.partition(events, Plan(number, data.max_user_events, select))
    schema = events.schema if isinstance(events, Log) else events.collect_schema()
    if schema[Column.TIME] != pl.Int64:
        buckets.map(rank_times)
    has_clock = data.source is None and data.time_format != "order"
    buckets.map(sort_events)
    once = data.repeats_rule == "first"
    counting = [
        survey_reduction(data.min_user_events),
        oddity_reduction(now if has_clock else None),
        id_form_reduction(),
    ]
    if once:  # found in the same pass, and done in the next
        counting.append(survey_reduction(data.min_user_events, once=True).after(keep_first))
    found, odd, forms, *firsts = buckets.combine(*counting)
    read = Survey.of(found)
    _need_users(read)
    oddities, examples = summarize_oddities(odd, forms, read)
    first = Survey.of(firsts[0]) if firsts else read
    if once:
        buckets.map(keep_first)
    kept = _k_core(buckets, first, data)
    cuts = _cuts(buckets, kept, config)
    buckets.map(partial(split.assign_roles, split=config.split, cuts=cuts))
    if users is not None and config.features.user:
        select = partial(select_user_attributes, names=list(config.features.user))
        rows_of_users = users.lazy() if isinstance(users, pl.DataFrame) else users
        buckets.join(engine.partition(rows_of_users, Plan(number, select=select)), join_users)
    trained, roles, *counted = buckets.combine(
        Reduction(partial(_count_trained, once=once), sum_counts),
        Reduction(split.count_roles, split.sum_roles),
        *value_count_reductions(config.features),
    )
    _need_split(roles, config)
    items = build_vocabulary(trained)
    fitted = fit_features(config.features, counted, lambda one: buckets.combine(one)[0])
    features = [fit.feature for fit in fitted]
    buckets.write(
        partial(gather_sequences, vocabulary=items, features=features), folder / File.SHARDS
    )
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
        "dropped": _dropped(rows, buckets.truncated, read, first, data),
        "oddities": oddities,
        "catalogue": None if catalogue is None else _of_catalogue(catalogue, read, table),
    }
    if catalogue is not None and catalogue.height and not counts["catalogue"]["known_items"]:
        examples["catalogue"] = str(catalogue[Column.ITEM][0]), str(table[Column.ITEM][0])
    counts["warnings"] = write_warnings(counts, examples, data)
    counts["disclosed"] = describe_disclosure(kept, trained, table, fitted)
    return counts, features


def _take(events: pl.LazyFrame, min_rating: float | None) -> pl.LazyFrame:
    """Events that count, without what nobody asks for later."""
    if min_rating is not None:
        events = events.filter(pl.col(Column.RATING) >= min_rating)
    return events.drop(Column.RATING, strict=False)


def _count_rows(events: pl.LazyFrame) -> int:
    return int(events.select(pl.len()).collect(engine="streaming").item())


def _count_trained(events: pl.DataFrame, *, once: bool) -> pl.DataFrame:
    return count_items(events.filter(pl.col(split.ROLE) == split.Role.TRAIN), once=once)


def _need_users(read: Survey) -> None:
    if read.events == 0:
        raise DataError("the log has no events (none with at least data.min_rating, if it is set)")
    if read.users < 2:
        raise DataError(
            f"the log has one user only ({read.events} events): what one user does next can only "
            "be learned from others; check that data.user names the right column"
        )


def _k_core(buckets: Buckets, found: Survey, data: DataConfig) -> Survey:
    """Drop users and items with too little, again and again until all have enough."""
    first = found
    once = data.repeats_rule == "first"
    enough = _frequent(data) & _shared(data)
    while found.small_users or not found.items.select(enough.all()).item():
        items = found.items.filter(enough)[Column.ITEM]
        buckets.map(partial(keep_items, items=items, min_user_events=data.min_user_events))
        found = Survey.of(*buckets.combine(survey_reduction(data.min_user_events, once=once)))
    if found.events == 0:
        raise DataError(
            f"no event is left of {first.events} ({first.users} users, {first.items.height} "
            f"items) after dropping users with fewer than {data.min_user_events} events and items "
            f"with fewer than {data.min_item_events} events or {data.min_item_users} users: lower "
            "data.min_user_events, data.min_item_events or data.min_item_users"
        )
    return found


def _frequent(data: DataConfig) -> pl.Expr:
    return pl.col(Column.COUNT) >= data.min_item_events


def _shared(data: DataConfig) -> pl.Expr:
    return pl.col(USERS) >= data.min_item_users


def _dropped(
    rows: int, cut: Truncated, read: Survey, first: Survey, data: DataConfig
) -> dict[str, Any]:
    """By setting, what it drops of the log as it is before any of the filters of the k-core.

    What more is dropped, because of what was dropped, is nobody's own.
    """
    few = first.items.filter(~_frequent(data))
    unshared = first.items.filter(_frequent(data) & ~_shared(data))
    return {
        "min_rating": {"events": rows - cut.events - read.events},
        "max_user_events": {"events": cut.events, "users": cut.users},
        "repeats": {"events": read.events - first.events},
        "min_user_events": {"events": first.small_events, "users": first.small_users},
        "min_item_events": {"events": int(few[Column.COUNT].sum()), "items": few.height},
        "min_item_users": {"events": int(unshared[Column.COUNT].sum()), "items": unshared.height},
    }


def _cuts(buckets: Buckets, kept: Survey, config: Config) -> tuple[int, int] | None:
    if config.split.kind != "time" or kept.first is None or kept.last is None:
        return None
    first, last = kept.first, kept.last
    (histogram,) = buckets.combine(
        Reduction(partial(split.time_histogram, first=first, last=last), split.sum_steps)
    )
    return split.time_cuts(histogram, first, last, config.split)


def _need_split(roles: pl.DataFrame, config: Config) -> None:
    """Refuse a split that leaves nothing to train, tune or test on."""
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
        "untitled_items": count_untitled(table),
    }


def _with_catalogue(items: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """Vocabulary with titles and attributes, in order of the index."""
    if catalogue is None:
        return items.with_columns(pl.lit(None, pl.String).alias(Column.TITLE))
    if catalogue[Column.ITEM].dtype != items[Column.ITEM].dtype:
        catalogue = catalogue.cast({Column.ITEM: pl.String})
        items = items.cast({Column.ITEM: pl.String})
    return items.join(catalogue, on=Column.ITEM, how="left", maintain_order="left")
