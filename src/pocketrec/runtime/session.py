"""One user whose events come one by one. `web/client/session.js` is the same in JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..bundle.contract import NEWEST
from ..bundle.device import DeviceModel
from ..bundle.query import Query
from ..schema import IntArray
from .catalogue import Catalogue, Recommendation
from .events import (
    Event,
    ItemId,
    Moment,
    check_order,
    check_values,
    encode_features,
    seconds,
    truth,
    vector,
)


class Session:
    """One user's history, and the list that `recommend` gives after each event.

    >>> session = Recommender.load("bundles/shop").session(["sku-1"])  # doctest: +SKIP
    >>> session.tap("sku-2", k=3)  # doctest: +SKIP

    Where the model has the signature `step`, each event takes constant time, however long the
    history; otherwise it takes a call of `recommend`. With `step` a session also remembers events
    beyond the newest L, which `recommend` does not read (docs/decisions/0018-step.md). A call that
    raises an error changes nothing. Sessions in several threads may share a Recommender, but
    threads must not share a session.
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
        self._events, indices = catalogue.events(history, strict=strict)
        self._known = Query(indices, encode_features(device.spec.features, self._events, user))
        check_values(device.spec.features, self._events, user, strict=strict)
        self._user = None if user is None else dict(user)
        self._latest = _latest(None, self._events)
        # Before the newest two events, and before the newest one: the next list starts from the
        # first where no event comes, and from the second where one does.
        self._states = device.states(self._known)

    @property
    def history(self) -> list[Event]:
        """The events of known items, oldest first: enough to start the same session again."""
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

        An event of an unknown item is ignored with an UnknownItemWarning; `strict` makes it an
        error.
        """
        strict = truth(strict, "strict")
        new, index = self._catalogue.events([event], strict=strict)
        query = self._query(new, index, blocked, now, user_vector, strict=strict)
        return self._answer(new, query, k)

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
        strict = truth(strict, "strict")
        query = self._query([], np.empty(0, np.int32), blocked, now, user_vector, strict=strict)
        return self._answer([], query, k)

    def _query(
        self,
        new: list[Event],
        index: IntArray,
        blocked: Iterable[ItemId],
        now: Moment | None,
        user_vector: Sequence[float] | None,
        *,
        strict: bool,
    ) -> Query:
        """What to ask after a new event of the item `index` (1,), or after none (0,)."""
        check_order([self._latest, *(seconds(event.time) for event in new), seconds(now)])
        rows = self._rows_with(new, now)
        check_values(self._device.spec.features, new, None, strict=strict)
        history = np.append(self._known.history, index).astype(np.int32)
        block = self._catalogue.indices(blocked, "blocked", strict=strict)
        return Query(history, rows, block, vector(user_vector))

    def _answer(self, new: list[Event], query: Query, k: int) -> list[Recommendation]:
        """The list of a query; the new event is remembered when all went well."""
        device, states, k = self._device, self._states, self._catalogue.count(k)
        if device.steps:
            before = states[1] if new else states[0]
            after, ranking = device.step(before, query, k=k)
            states = (before, after)
        else:
            ranking = device.recommend(query, k=k)
        lines = self._catalogue.lines(ranking, query.excluded(device.spec.exclude_seen))
        self._events += new
        self._known = Query(query.history, query.features)
        self._latest, self._states = _latest(self._latest, new), states
        return lines

    def _rows_with(self, new: list[Event], now: Moment | None) -> dict[str, IntArray]:
        """Feature rows of the whole history, where only those of the newest two events can change.

        The gap of the second newest is counted from the event before it, so three are encoded.
        """
        features = self._device.spec.features
        newest = [*self._events[-NEWEST - 1 :], *new][-NEWEST - 1 :]
        total = len(self._events) + len(new)
        first = total - len(newest) + 1
        rows = encode_features(features, newest, self._user, now, first=first)
        for feature in features:
            if feature.of == "event":
                kept = self._known.features[feature.input][: max(total - NEWEST, 0)]
                rows[feature.input] = np.concatenate([kept, rows[feature.input][-NEWEST:]])
        return rows


def _latest(before: float | None, events: Iterable[Event]) -> float | None:
    """The time of the newest event that has one; else the time before."""
    for event in events:
        if (time := seconds(event.time)) is not None:
            before = time
    return before
