"""Plain values -> the rows that the model's inputs take. Needs no training stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from ..encoding import Feature
from ..errors import InputError
from ..schema import IntArray

ItemId = int | str
Moment = float | datetime
"""Seconds since 1970, or a datetime with a time zone."""
LATEST = 8.64e12
"""Seconds since 1970 that a moment may be: dates of JavaScript end there."""


@dataclass(frozen=True)
class Event:
    """One thing that the user did; what is not known is left out."""

    id: ItemId
    time: Moment | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    """Values by the names of [features.event]: {"rating": 4, "tags": ["gift", "new"]}."""


def encode_inputs(
    features: Sequence[Feature],
    events: Sequence[Event],
    user: Mapping[str, Any] | None = None,
    now: Moment | None = None,
) -> dict[str, IntArray]:
    """Rows by input: of the events, oldest first, (n, M); of the user (M,).

    Times give the features of time; `now` is the moment of asking. Values that training never saw
    are as if not given. Raises InputError for a feature that the model does not have, a value of
    the wrong kind, and times that run backwards.
    """
    if not all(isinstance(given, Mapping) for given in (user or {}, *(e.features for e in events))):
        raise InputError("features of users and events are values by name, such as {'age': 25}")
    told = {"user": user or {}, **{f"event {n}": e.features for n, e in enumerate(events, 1)}}
    for what, given in told.items():
        of = "user" if what == "user" else "event"
        known = [f.name for f in features if f.of == of and f.time is None]
        if unknown := sorted(set(given) - set(known)):
            raise InputError(
                f"{what} has a feature {unknown[0]!r}, which the model does not read "
                f"(it reads {', '.join(known) or 'none'})"
            )
    times = [seconds(event.time) for event in events]
    moments = [*times, seconds(now)]
    check_order(moments)
    found = {}
    for feature in features:
        if feature.of == "user":
            found[feature.input] = _rows([(user or {}).get(feature.name)], feature)[0]
        elif feature.time is None:
            found[feature.input] = _rows([e.features.get(feature.name) for e in events], feature)
        else:
            of_time = [_of_time(feature, moments, place) for place in range(len(events))]
            found[feature.input] = _rows(of_time, feature)
    return found


def check_order(moments: Iterable[float | None]) -> None:
    """Raise InputError for times of events, and perhaps now, that run backwards."""
    if any(b < a for a, b in pairwise(moment for moment in moments if moment is not None)):
        raise InputError("times run backwards: give events oldest first, and now at the end")


def _rows(values: Sequence[Any], feature: Feature) -> IntArray:
    return np.asarray([feature.rows(v) for v in values], np.int32).reshape(-1, feature.slots)


def _of_time(feature: Feature, moments: list[float | None], place: int) -> float | None:
    """A feature's value of one event; the last of `moments` is now."""
    own, earlier = moments[place], moments[place - 1] if place else None
    later = moments[place + 1]
    match feature.time:
        case "gap":
            return None if own is None or earlier is None else own - earlier
        case "now":
            return None if own is None or later is None else later - own
        case "hour":
            return None if own is None else own // 3600 % 24
        case _:  # the first of January 1970 was a Thursday, 3
            return None if own is None else (own // 86400 + 3) % 7


def seconds(moment: Moment | None) -> float | None:
    """A moment as seconds since 1970; InputError for what is none."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InputError(f"time {moment} has no time zone: give one, such as UTC")
        return moment.astimezone(UTC).timestamp()
    number = isinstance(moment, int | float | np.integer) and not isinstance(moment, bool)
    if not number or not 0 <= moment <= LATEST:
        raise InputError(f"time {moment!r} is neither seconds since 1970 nor a datetime")
    return float(moment)
