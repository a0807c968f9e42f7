"""The k-core of a log: users and items that have at least the config's minimums."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from ..config.data import DataConfig
from ..errors import DataError
from ..schema import Column
from .engines import Buckets
from .engines.fold import Truncated
from .filters import keep_items
from .survey import Survey, survey_reduction
from .vocabulary import USERS


def drop_small(buckets: Buckets, first: Survey, data: DataConfig) -> Survey:
    """Drop users and items below the config's minimums until all that are left reach them.

    `first` is the survey of the events before; returns the survey of those that are left.
    Raises DataError if none are.
    """
    survey = first
    once = data.repeats_rule == "first"
    enough = _frequent(data) & _shared(data)
    # Dropping items shortens histories, and dropping users takes events from items: repeat.
    while survey.small_users or not survey.items.select(enough.all()).item():
        items = survey.items.filter(enough)[Column.ITEM]
        buckets.map(partial(keep_items, items=items, min_user_events=data.min_user_events))
        survey = Survey.of(*buckets.combine(survey_reduction(data.min_user_events, once=once)))
    if survey.events == 0:
        raise DataError(
            f"no event is left of {first.events} ({first.users} users, {first.items.height} "
            f"items) after dropping users with fewer than {data.min_user_events} events and items "
            f"with fewer than {data.min_item_events} events or {data.min_item_users} users: lower "
            "data.min_user_events, data.min_item_events or data.min_item_users"
        )
    return survey


def _frequent(data: DataConfig) -> pl.Expr:
    return pl.col(Column.COUNT) >= data.min_item_events


def _shared(data: DataConfig) -> pl.Expr:
    return pl.col(USERS) >= data.min_item_users


def count_dropped(
    rows: int, cut: Truncated, read: Survey, first: Survey, data: DataConfig
) -> dict[str, Any]:
    """For each setting, what it drops by itself, counted before the k-core filter starts.

    Dropping items can leave users with too few events, and the other way round. Such further
    losses belong to no single setting, so they are not counted here.
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
