"""One user whose events come one by one. `web/client/session.js` is the same in JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..bundle.contract import NEWEST
from ..bundle.device import DeviceModel
from ..schema import IntArray
from .catalogue import Catalogue, Recommendation
from .events import (
    Event,
    ItemId,
    Moment,
    check_order,
    check_values,
    encode_inputs,
    seconds,
    truth,
    vector,
)


class Session:
    """A user's history, and the list after each event: the one that `recommend` gives of it.

    >>> session = Recommender.load("bundles/shop").session(["sku-1"])  # doctest: +SKIP
    >>> session.tap("sku-2", k=3)  # doctest: +SKIP

    Where the model has the signature `step`, a tap costs two events, whatever the history; else a
    call of `recommend`. With `step` a session remembers its events beyond the newest L too, which
    `recommend` does not look at (docs/decisions/0018-step.md). What is refused changes nothing.
    Sessions may share a Recommender between threads, but none of them is safe to share itself.
    """

    def __init__(
        self,
        device: DeviceModel,
        catalogue: Catalogue,
        history: Iterable[ItemId | Event] = (),
        user: Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        strict = truth(strict, "strict")
        self._device = device
        self._catalogue = catalogue
        self._events, self._indices = catalogue.events(history, strict=strict)
        self._rows = encode_inputs(device.features, self._events, user)
        check_values(device.features, self._events, user, strict=strict)
        self._user = None if user is None else dict(user)
        self._times = [t for event in self._events if (t := seconds(event.time)) is not None][-1:]
        # Before the newest two events, and before the newest: which of them is asked from depends
        # on whether an event comes.
        self._states = device.states(self._indices, self._rows)

    @property
    def history(self) -> list[Event]:
        """The events of known items, oldest first: all that is needed to begin again."""
        return list(self._events)

    def tap(
        self,
        event: ItemId | Event,
        *,
        k: int = 10,
        blocked: Iterable[ItemId] = (),
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
        strict: bool = False,
    ) -> list[Recommendation]:
        """The best k items after one more event; arguments as of `Recommender.recommend`.

        An event of an unknown item is ignored with an UnknownItemWarning, or refused when
        `strict`.
        """
        new = self._catalogue.events([event], strict=truth(strict, "strict"))
        return self._ask(*new, k, blocked, now, user_vector, strict=strict)

    def recommend(
        self,
        *,
        k: int = 10,
        blocked: Iterable[ItemId] = (),
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
        strict: bool = False,
    ) -> list[Recommendation]:
        """The best k items as of now, without another event."""
        nothing = np.empty(0, np.int32)
        strict = truth(strict, "strict")
        return self._ask([], nothing, k, blocked, now, user_vector, strict=strict)

    def _ask(
        self,
        new: list[Event],
        index: IntArray,
        k: int,
        blocked: Iterable[ItemId],
        now: Moment | None,
        user_vector: Sequence[float] | None,
        *,
        strict: bool,
    ) -> list[Recommendation]:
        """The list after a new event, or none; what is remembered changes when all went well."""
        device = self._device
        history: IntArray = np.append(self._indices, index).astype(np.int32)
        times = [*self._times, *(t for event in new if (t := seconds(event.time)) is not None)]
        check_order([*times, seconds(now)])
        rows = self._rows_with(new, now)
        check_values(device.features, new, None, strict=strict)
        hidden = self._catalogue.indices(blocked, "blocked", strict=strict)
        told: dict[str, Any] = {
            "k": self._catalogue.count(k),
            "blocked": hidden,
            "user_vector": vector(user_vector),
            "features": rows,
        }
        states = self._states
        if device.steps:
            before = states[1] if new else states[0]
            after, ranking = device.step(before, history, **told)
            states = (before, after)
        else:
            ranking = device.recommend(history, **told)
        if device.exclude_seen:
            hidden = np.concatenate([hidden, history])
        lines = self._catalogue.lines(ranking, hidden)
        self._events += new
        self._indices, self._rows, self._times, self._states = history, rows, times[-1:], states
        return lines

    def _rows_with(self, new: list[Event], now: Moment | None) -> dict[str, IntArray]:
        """Rows of the whole history, of which those of the newest two events may be new.

        The gap of the older of them is seen from the event before it, so three are encoded.
        """
        newest = [*self._events[-NEWEST - 1 :], *new][-NEWEST - 1 :]
        total = len(self._events) + len(new)
        first = total - len(newest) + 1
        found = encode_inputs(self._device.features, newest, self._user, now, first=first)
        for feature in self._device.features:
            if feature.of == "event":
                kept = self._rows[feature.input][: max(total - NEWEST, 0)]
                found[feature.input] = np.concatenate([kept, found[feature.input][-NEWEST:]])
        return found
