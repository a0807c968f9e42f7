"""What an app says of events and users -> feature rows. Needs no training stack."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from ..bundle.query import VectorLike
from ..errors import InputError, shown
from ..features.encoding import Feature
from ..features.values import digits, is_number, is_whole
from ..schema import IntArray

ItemId = int | str
Moment = float | datetime
"""Seconds since 1970, or a datetime with a time zone."""
LATEST = 8.64e12
"""Largest moment, in seconds since 1970: JavaScript's dates end there."""


class UnknownValueWarning(UserWarning):
    """Training never saw some values of a feature; they count as missing."""


@dataclass(frozen=True)
class Event:
    """One thing that the user did. Omit anything you don't know."""

    id: ItemId
    time: Moment | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    """Values by the names of [features.event]: {"rating": 4, "tags": ["gift", "new"]}."""


def key_of(item: ItemId, name: str = "item") -> str:
    """An id as text, for look-up: 50 and "50" are the same. InputError for anything but an id."""
    if isinstance(item, str):
        return str.__str__(item)  # str() of an Enum that is a string would give its name
    if not is_whole(item):
        raise InputError(f"{name} holds {shown(item)}, which is neither a string nor an integer")
    return digits(int(item))


def listed(values: Iterable[Any], name: str) -> list[Any]:
    """The members of a list, or of anything like one; InputError for anything else."""
    # These can be iterated too, but never as a list of ids: "50" would be "5" and "0".
    no_list = isinstance(values, str | bytes | bytearray | memoryview | Mapping)
    try:
        if not no_list:
            return list(values)
    except TypeError:
        pass
    raise InputError(f"{name} must be a list of ids, not {shown(values)}")


def as_events(history: Iterable[ItemId | Event]) -> list[Event]:
    """The events of a history; InputError for anything but a list of ids and Events."""
    if isinstance(history, Set):
        raise InputError("history must be a list of ids, oldest first: a set has no order")
    events = listed(history, "history")
    return [event if isinstance(event, Event) else Event(event) for event in events]


def warn_caller(text: str, category: type[UserWarning]) -> None:
    """Warn at the line of the app that called the runtime, however deep the call is."""
    # A fixed stacklevel would be wrong as soon as one function of ours calls another.
    frame, level = sys._getframe(), 1
    package = __name__.rpartition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(package):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def encode_features(
    features: Sequence[Feature],
    events: Sequence[Event],
    user: Mapping[str, Any] | None = None,
    now: Moment | None = None,
    *,
    first: int = 1,
) -> dict[str, IntArray]:
    """Feature rows by input: (n, M) of the events, oldest first; (M,) of the user.

    Features of time are computed from the events' times; `now` is the time of the request. Values
    that training never saw count as missing. Raises InputError for a feature that the model does
    not have, a value of the wrong kind, and times that run backwards; errors count events from
    `first`.
    """
    user = {} if user is None else user
    _check_names(features, events, user, first)
    moments = [*(seconds(event.time) for event in events), seconds(now)]
    check_order(moments)
    rows = {}
    for feature in features:
        if feature.of == "user":
            rows[feature.input] = _rows([user.get(feature.name)], feature)[0]
        elif feature.time is None:
            rows[feature.input] = _rows([e.features.get(feature.name) for e in events], feature)
        else:
            values = [_time_value(feature, moments, place) for place in range(len(events))]
            rows[feature.input] = _rows(values, feature)
    return rows


def _check_names(
    features: Sequence[Feature], events: Sequence[Event], user: Mapping[str, Any], first: int
) -> None:
    """Raise InputError for features that the model does not have."""
    if not all(isinstance(values, Mapping) for values in (user, *(e.features for e in events))):
        raise InputError("features of users and events are values by name, such as {'age': 25}")
    by_owner = {"user": user, **{f"event {n}": e.features for n, e in enumerate(events, first)}}
    for owner, values in by_owner.items():
        of = "user" if owner == "user" else "event"
        known = [f.name for f in features if f.of == of and f.time is None]
        if unknown := sorted(shown(name) for name in values if name not in known):
            raise InputError(
                f"{owner} has a feature {unknown[0]}, which the model does not read "
                f"(it reads {', '.join(known) or 'none'})"
            )


def check_values(
    features: Sequence[Feature],
    events: Sequence[Event],
    user: Mapping[str, Any] | None,
    *,
    strict: bool,
) -> None:
    """Warn of values that training never saw; InputError when strict. See `encode_features`."""
    for feature in features:
        owners = [user or {}] if feature.of == "user" else [event.features for event in events]
        values = [owner[feature.name] for owner in owners if feature.name in owner]
        if unknown := [text for value in values for text in feature.unknown(value)]:
            message = (
                f"{feature.of} feature '{feature.name}' has a value that training never saw, "
                f"{shown(unknown[0])}"
            )
            if strict:
                raise InputError(message)
            warn_caller(f"{message}: it counts as missing", UnknownValueWarning)


def check_order(moments: Iterable[float | None]) -> None:
    """Raise InputError for moments that run backwards; None is an unknown one and is skipped."""
    if any(b < a for a, b in pairwise(moment for moment in moments if moment is not None)):
        raise InputError("times run backwards: give events oldest first, and now at the end")


def _rows(values: Sequence[Any], feature: Feature) -> IntArray:
    return np.asarray([feature.rows(v) for v in values], np.int32).reshape(-1, feature.slots)


def _time_value(feature: Feature, moments: list[float | None], place: int) -> float | None:
    """The value of a feature of time for one event; the last of `moments` is now."""
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
    """A moment as seconds since 1970; InputError for anything else."""
    if moment is None:
        return None
    number: Any = moment
    if isinstance(moment, datetime):
        if moment.utcoffset() is None:
            raise InputError(f"time {moment} has no time zone: give one, such as UTC")
        number = moment.timestamp()
    if not is_number(number) or not 0 <= number <= LATEST:
        raise InputError(
            f"time {shown(moment)} is neither seconds since 1970 nor a datetime after it"
        )
    return float(number)


def count(value: Any, name: str) -> int:
    """A positive whole number; InputError for anything else."""
    if not is_whole(value) or value < 1:
        raise InputError(f"{name} must be a positive whole number, not {shown(value)}")
    return int(value)


def truth(value: Any, name: str) -> bool:
    """A truth value; InputError for anything else: bool("no") would be True."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def vector(values: Sequence[float] | None) -> VectorLike | None:
    """A user_vector as numbers; the device checks how many and how large they are."""
    if values is None:
        return None
    try:
        numbers = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RecursionError):
        numbers = np.empty(0, object)
    if numbers.dtype.kind not in "iuf":
        raise InputError("user_vector must be a list of numbers")
    with np.errstate(over="ignore"):  # a number beyond float64 becomes infinite, and is refused
        return numbers.astype(np.float64)
