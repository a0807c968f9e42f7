"""Recommend from a bundle: raw ids in, raw ids and titles out. Needs no training stack."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..bundle import Bundle, Item, open_bundle
from ..encoding import Feature
from ..errors import InputError
from ..golden import check_golden
from ..pretrained import find_bundle
from ..schema import File
from .explain import Explanation, leave_one_out
from .inputs import Event, ItemId, Moment, encode_inputs


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
        does not have are ignored with an UnknownItemWarning, or refused when `strict`. The list
        is shorter than k when fewer items are left. `user_vector` (D,) is added to the user.

        Raises InputError for a k beyond the catalogue, for ids of another type, and for features
        that the model does not have.
        """
        if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
            raise InputError(f"k must be a positive whole number, not {k!r}")
        if k > len(self.items):
            raise InputError(f"k = {k} is more than the catalogue's {len(self.items)} items")
        events, rows = self._events(history, user, now, strict=strict)
        ids, scores = self._device.recommend(
            events,
            k=int(k),
            blocked=self._indices(blocked, "blocked", strict=strict),
            user_vector=_vector(user_vector),
            features=rows,
        )
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
        target = np.full(1, 1 if liked else -1, np.float32)
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
        known = [event for event in _as_events(history) if str(event.id) in self._index]
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise InputError(f"most must be a positive whole number, not {most!r}")
        candidates = self._indices(items, "items", strict=True)
        vector = _vector(user_vector)

        def score(places: Sequence[int]) -> npt.NDArray[np.float32]:
            events, rows = self._events([known[n] for n in places], user, now, strict=True)
            return self._device.score(events, candidates, user_vector=vector, features=rows)

        found = leave_one_out(score, [event.id for event in known], most=most)
        asked = (self.items[int(index) - 1].id for index in candidates)
        return [Explanation(item, reasons) for item, reasons in zip(asked, found, strict=True)]

    def _events(
        self,
        history: Iterable[ItemId | Event],
        user: Mapping[str, Any] | None,
        now: Moment | None,
        *,
        strict: bool,
    ) -> tuple[npt.NDArray[np.int32], dict[str, npt.NDArray[np.int32]]]:
        """Indices of a history's known items, and the rows of its features."""
        events = _as_events(history)
        indices = self._indices([event.id for event in events], "history", strict=strict)
        known = [event for event in events if str(event.id) in self._index]
        return indices, encode_inputs(self.features, known, user, now)

    def _indices(self, ids: Iterable[ItemId], name: str, *, strict: bool) -> npt.NDArray[np.int32]:
        if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
            raise InputError(f"{name} must be a list of ids, not {ids!r}")
        given = list(ids)
        for item in given:
            if isinstance(item, bool) or not isinstance(item, int | str | np.integer):
                raise InputError(f"{name} holds {item!r}, which is neither a string nor an integer")
        unknown = [item for item in given if str(item) not in self._index]
        if unknown:
            shown = ", ".join(map(repr, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
            message = f"{len(unknown)} of {len(given)} ids of {name} are unknown: {shown}"
            if strict:
                raise InputError(message)
            warnings.warn(f"{message}; they are ignored", UnknownItemWarning, stacklevel=4)
        known = [self._index[str(item)] for item in given if str(item) in self._index]
        return np.asarray(known, np.int32)


def _as_events(history: Iterable[ItemId | Event]) -> list[Event]:
    if isinstance(history, str | bytes) or not isinstance(history, Iterable):
        raise InputError(f"history must be a list of ids, not {history!r}")
    return [event if isinstance(event, Event) else Event(event) for event in history]


def _vector(values: Sequence[float] | None) -> npt.NDArray[np.float64] | None:
    if values is None:
        return None
    try:
        # Wide enough that what float32 cannot hold is still seen to be too large.
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError("user_vector must be a list of numbers") from None
