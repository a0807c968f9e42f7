"""The preparation, start to end: events -> filters -> split -> vocabulary -> shards."""

from __future__ import annotations

from dataclasses import dataclass
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
from .catalogue import count_matches, join_catalogue
from .disclosure import describe_disclosure
from .engines import Buckets, Engine, Plan, Reduction
from .feature_fitting import FittedFeature, fit_features, value_count_reductions
from .features import join_users, select_user_attributes
from .filters import keep_first
from .k_core import count_dropped, drop_small
from .oddities import Examples, id_form_reduction, oddity_reduction, summarize_oddities
from .sequences import gather_sequences, rank_times, sort_events
from .survey import Survey, survey_reduction
from .vocabulary import build_vocabulary, count_items, sum_counts


@dataclass(frozen=True)
class _LogSurvey:
    """The log before anything is dropped for having too few events or users."""

    read: Survey
    first: Survey
    """With only the first of repeated events, if the config asks for that; else as `read`."""
    oddities: dict[str, Any]
    examples: Examples


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
    """Write shards and the item table into `folder`; return the counts and the fitted features.

    The counts include the warnings of `advice.write_warnings`, as "warnings", and the table of
    what a bundle will disclose about the log, as "disclosed". Events after `now`, in seconds since
    1970, are reported as being in the future; None skips this check. Raises DataError when nothing
    is left to train on or to test with.
    """
    data = config.data
    rows = events.rows if isinstance(events, Log) else _count_rows(events)
    bucket_count = data.buckets or choose_bucket_count(rows)
    buckets = _partition(events, data, engine, bucket_count)
    log = _survey(buckets, data, now)
    if data.repeats_rule == "first":
        buckets.map(keep_first)
    kept = drop_small(buckets, log.first, data)
    cuts = _cuts(buckets, kept, config)
    buckets.map(partial(split.assign_roles, split=config.split, cuts=cuts))
    if users is not None and config.features.user:
        _join_users(buckets, users, config, engine, bucket_count)
    trained, fitted = _fit(buckets, config)
    features = [fit.feature for fit in fitted]
    items = build_vocabulary(trained)
    buckets.write(
        partial(gather_sequences, vocabulary=items, features=features), folder / File.SHARDS
    )
    table = join_catalogue(items, catalogue)
    table.write_parquet(folder / File.ITEMS_TABLE)
    counts: dict[str, Any] = {
        "rows": rows,
        "read": log.read.to_json(),
        "kept": kept.to_json(),
        "items": items.height,
        "training_events": int(items[Column.COUNT].sum()),
        "cuts": cuts,
        "largest_user": kept.largest,
        "dropped": count_dropped(rows, buckets.truncated, log.read, log.first, data),
        "oddities": log.oddities,
        "catalogue": None if catalogue is None else count_matches(catalogue, log.read, table),
    }
    examples = log.examples | _catalogue_example(catalogue, counts["catalogue"], table)
    counts["warnings"] = write_warnings(counts, examples, data)
    counts["disclosed"] = describe_disclosure(kept, trained, table, fitted)
    return counts, features


def _partition(
    events: pl.LazyFrame | Log, data: DataConfig, engine: Engine, bucket_count: int
) -> Buckets:
    """Put each user's events into one bucket, sorted by time."""
    select = partial(_take, min_rating=data.min_rating)
    buckets = engine.partition(events, Plan(bucket_count, data.max_user_events, select))
    schema = events.schema if isinstance(events, Log) else events.collect_schema()
    if schema[Column.TIME] != pl.Int64:
        buckets.map(rank_times)
    buckets.map(sort_events)
    return buckets


def _survey(buckets: Buckets, data: DataConfig, now: float | None) -> _LogSurvey:
    """Count the events, and what looks odd about them, in one pass over the log."""
    has_clock = data.source is None and data.time_format != "order"
    reductions = [
        survey_reduction(data.min_user_events),
        oddity_reduction(now if has_clock else None),
        id_form_reduction(),
    ]
    if data.repeats_rule == "first":
        # The events are still all there: `keep_first` runs on them in the next pass.
        reductions.append(survey_reduction(data.min_user_events, once=True).after(keep_first))
    counted, odd, forms, *counted_once = buckets.combine(*reductions)
    read = Survey.of(counted)
    _need_users(read)
    oddities, examples = summarize_oddities(odd, forms, read)
    first = Survey.of(counted_once[0]) if counted_once else read
    return _LogSurvey(read, first, oddities, examples)


def _join_users(
    buckets: Buckets,
    users: pl.DataFrame | Users,
    config: Config,
    engine: Engine,
    bucket_count: int,
) -> None:
    """Join the users' attributes to their events; both have equal buckets."""
    select = partial(select_user_attributes, names=list(config.features.user))
    rows = users.lazy() if isinstance(users, pl.DataFrame) else users
    buckets.join(engine.partition(rows, Plan(bucket_count, select=select)), join_users)


def _fit(buckets: Buckets, config: Config) -> tuple[pl.DataFrame, list[FittedFeature]]:
    """Count the training events of each item, and fit the features to training events only."""
    once = config.data.repeats_rule == "first"
    trained, roles, *value_counts = buckets.combine(
        Reduction(partial(_count_trained, once=once), sum_counts),
        Reduction(split.count_roles, split.sum_roles),
        *value_count_reductions(config.features),
    )
    _need_split(roles, config)
    fitted = fit_features(config.features, value_counts, lambda one: buckets.combine(one)[0])
    return trained, fitted


def _catalogue_example(
    catalogue: pl.DataFrame | None, matches: dict[str, int] | None, table: pl.DataFrame
) -> dict[str, tuple[str, str]]:
    """An id of the catalogue and one of the log, if the two have no id in common."""
    if catalogue is None or matches is None or not catalogue.height or matches["known_items"]:
        return {}
    return {"catalogue": (str(catalogue[Column.ITEM][0]), str(table[Column.ITEM][0]))}


def _take(events: pl.LazyFrame, min_rating: float | None) -> pl.LazyFrame:
    """Drop events rated too low, and then the ratings, which no later pass reads."""
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
    counts = dict(roles.iter_rows())
    for role, purpose in (
        (split.Role.TRAIN, "training event"),
        (split.Role.VALID, "validation target"),
        (split.Role.TEST, "test target"),
    ):
        if not counts.get(int(role)):
            raise DataError(
                f"the split '{config.split.kind}' leaves no {purpose}: the log is too small for "
                "it; bring more users, or choose another split.kind"
            )
