"""Recommend from a bundle: raw ids in, raw ids and titles out. Needs no training stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..bundle import Bundle, Item, open_bundle
from ..device import VectorLike
from ..encoding import Feature, is_whole
from ..errors import BundleError, InputError, shown
from ..golden import check_golden
from ..pretrained import find_bundle
from ..schema import File, FloatArray, IntArray
from .explain import Explanation, leave_one_out
from .inputs import (
    Event,
    ItemId,
    Moment,
    as_events,
    check_values,
    encode_inputs,
    key_of,
    listed,
    warn_caller,
)


class UnknownItemWarning(UserWarning):
    """Some ids are not in the catalogue and were left out."""


@dataclass(frozen=True)
class Recommendation:
    """One line of a list; scores are logits, comparable within one list only."""

    id: ItemId
    title: str | None
    score: float

    def to_json(self) -> dict[str, Any]:
        """As `pocketrec recommend --json` prints it."""
        return {"id": self.id, "title": self.title, "score": self.score}


class Recommender:
    """A loaded bundle. Stateless between calls, and safe to share between threads.

    >>> recommender = Recommender.load("bundles/movielens-100k")  # doctest: +SKIP
    >>> recommender.recommend(["50", "181"], k=3)  # doctest: +SKIP
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        if not isinstance(bundle, Bundle):
            raise InputError(
                f"a Recommender is made of an opened bundle, not of {shown(bundle)}: open a folder "
                "with Recommender.load"
            )
        self.bundle = bundle
        self._device = bundle.device(threads)
        check_golden(bundle.manifest, self._device)
        self._index = {str(item.id): n for n, item in enumerate(bundle.items, start=1)}

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 1) -> Self:
        """Open, check and load a bundle; raises BundleError with what is wrong with it.

        `path` is a folder, or the name of a bundle that comes with pocketrec: "movielens-1m".
        """
        return cls(open_bundle(find_bundle(path)), threads=threads)

    @property
    def items(self) -> list[Item]:
        """The catalogue, most popular in training first."""
        return self.bundle.items

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the model can be told of events and users beside item ids."""
        return self.bundle.features

    @property
    def fingerprint(self) -> str:
        """Hash of the model file: what was learned with one model is of no use to another."""
        return str(self.bundle.manifest["files"][File.MODEL]["sha256"])

    def spelled(self, item: ItemId) -> ItemId:
        """An item's id as the catalogue has it; InputError when it has none such."""
        (index,) = self._indices([item], "items", strict=True)
        return self.items[int(index) - 1].id

    def check_known(self, items: Iterable[ItemId]) -> None:
        """Raise InputError for ids that the catalogue does not have."""
        self._indices(items, "items", strict=True)

    def recommend(
        self,
        history: Iterable[ItemId | Event],
        *,
        k: int = 10,
        blocked: Iterable[ItemId] = (),
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
        strict: bool = False,
    ) -> list[Recommendation]:
        """The best k items after a history (oldest first), best first.

        An event is an item's id, or an Event that tells more of it. `user` are values by the names
        of [features.user], and `now` the moment of asking, in seconds since 1970 or as a datetime;
        what is left out, the model does without.

        Seen items are left out (unless the bundle is of a domain where users repeat), and
        `blocked` ones always. An empty history gives what is popular. Ids that the catalogue
        does not have are ignored with an UnknownItemWarning, and values of features that training
        never saw with an UnknownValueWarning; both are refused when `strict`. The list is shorter
        than k when fewer items are left. `user_vector` (D,) is added to the user.

        Raises InputError for a k beyond the catalogue, for ids of another type, and for features
        that the model does not have.
        """
        k, strict = _count(k, "k"), _truth(strict, "strict")
        if k > len(self.items):
            raise InputError(f"k = {shown(k)} is more than the catalogue's {len(self.items)} items")
        events, rows = self._events(history, user, now, strict=strict)
        hidden = self._indices(blocked, "blocked", strict=strict)
        ids, scores = self._device.recommend(
            events, k=k, blocked=hidden, user_vector=_vector(user_vector), features=rows
        )
        if self.bundle.exclude_seen:
            hidden = np.concatenate([hidden, events])
        if not set(hidden.tolist()).isdisjoint(ids.tolist()):
            raise BundleError("the model recommends what is blocked or was seen: do not use it")
        found = ((self.items[index - 1], score) for index, score in zip(ids, scores, strict=True))
        return [Recommendation(item.id, item.title, float(score)) for item, score in found]

    def score(
        self,
        history: Iterable[ItemId | Event],
        candidates: Iterable[ItemId],
        *,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
    ) -> list[float]:
        """Scores of the candidates, in their order; the numbers that `recommend` ranks by.

        Raises InputError for a candidate that the catalogue does not have.
        """
        events, rows = self._events(history, user, now, strict=False)
        scores = self._device.score(
            events,
            self._indices(candidates, "candidates", strict=True),
            user_vector=_vector(user_vector),
            features=rows,
        )
        return [float(score) for score in scores]

    def adapt(
        self,
        item: ItemId,
        *,
        liked: bool = True,
        learning_rate: float = 1.0,
        user_vector: Sequence[float] | None = None,
    ) -> list[float]:
        """The user_vector (D,) after learning that an item was liked, or disliked.

        One step on the device; `Personal` keeps the vector and chooses the rates. Raises
        InputError for an item that the catalogue does not have.
        """
        index = self._indices([item], "adapt", strict=True)
        target = np.full(1, 1 if _truth(liked, "liked") else -1, np.float32)
        vector = _vector(user_vector)
        adapted = self._device.adapt(index, target, learning_rate=learning_rate, user_vector=vector)
        return [float(number) for number in adapted]

    def explain(
        self,
        history: Iterable[ItemId | Event],
        items: Iterable[ItemId],
        *,
        most: int = 2,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
    ) -> list[Explanation]:
        """For each of some items the events of the history that its score rests on most.

        Every one of the newest 50 events is left out once, which costs a call of the model each.
        Unknown ids of the history are no reasons. Raises InputError for an item that the
        catalogue does not have.
        """
        known = [event for event in as_events(history) if key_of(event.id) in self._index]
        most = _count(most, "most")
        candidates = self._indices(items, "items", strict=True)
        vector = _vector(user_vector)
        ids = [event.id for event in known]
        events = self._indices(ids, "history", strict=True)

        def score(places: Sequence[int]) -> FloatArray:
            rows = encode_inputs(self.features, [known[n] for n in places], user, now)
            return self._device.score(
                events[list(places)], candidates, user_vector=vector, features=rows
            )

        found = leave_one_out(score, ids, most=most)
        asked = (self.items[int(index) - 1].id for index in candidates)
        return [Explanation(item, reasons) for item, reasons in zip(asked, found, strict=True)]

    def _events(
        self,
        history: Iterable[ItemId | Event],
        user: Mapping[str, Any] | None,
        now: Moment | None,
        *,
        strict: bool,
    ) -> tuple[IntArray, dict[str, IntArray]]:
        """What the device takes of a history; what is unknown of it is told of, or refused."""
        events = as_events(history)
        indices = self._indices([event.id for event in events], "history", strict=strict)
        if len(indices) < len(events):
            events = [event for event in events if key_of(event.id) in self._index]
        rows = encode_inputs(self.features, events, user, now)
        check_values(self.features, events, user, strict=strict)
        return indices, rows

    def _indices(self, ids: Iterable[ItemId], name: str, *, strict: bool) -> IntArray:
        given = listed(ids, name)
        indices = [self._index.get(key_of(item, name)) for item in given]
        known = [index for index in indices if index is not None]
        if len(known) < len(given):
            unknown = [item for item, index in zip(given, indices, strict=True) if index is None]
            quoted = ", ".join(map(shown, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
            message = f"{len(unknown)} of {len(given)} ids of {name} are unknown: {quoted}"
            if strict:
                raise InputError(message)
            warn_caller(f"{message}; they are ignored", UnknownItemWarning)
        return np.asarray(known, np.int32)


def _count(value: Any, name: str) -> int:
    """A positive whole number, which a wrong one is refused for."""
    if not is_whole(value) or value < 1:
        raise InputError(f"{name} must be a positive whole number, not {shown(value)}")
    return int(value)


def _truth(value: Any, name: str) -> bool:
    """A truth value, which a wrong one is refused for: "no" is none."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def _vector(values: Sequence[float] | None) -> VectorLike | None:
    """A user_vector as numbers; their size and their width are for the device to check."""
    if values is None:
        return None
    try:
        numbers = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RecursionError):
        numbers = np.empty(0, object)
    if numbers.dtype.kind not in "iuf":
        raise InputError("user_vector must be a list of numbers")
    with np.errstate(over="ignore"):  # what float64 cannot hold is too large, and refused as such
        return numbers.astype(np.float64)
