"""Recommend from a bundle: ids of the catalogue in, ids and titles out. No training stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..bundle.folder import Bundle, Item, open_bundle
from ..bundle.golden import check_golden
from ..bundle.query import Query
from ..errors import InputError, shown
from ..features.encoding import Feature
from ..pretrained import find_bundle
from ..schema import File, FloatArray
from .catalogue import Catalogue, Recommendation
from .events import (
    Event,
    ItemId,
    Moment,
    as_events,
    check_values,
    count,
    encode_features,
    truth,
    vector,
)
from .explain import Explanation, leave_one_out
from .session import Session


class Recommender:
    """A loaded bundle. It keeps nothing between calls, and threads may share it.

    >>> recommender = Recommender.load("bundles/movielens-100k")  # doctest: +SKIP
    >>> recommender.recommend(["50", "181"], k=3)  # doctest: +SKIP
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        if not isinstance(bundle, Bundle):
            raise InputError(
                f"Recommender takes an opened bundle, not {shown(bundle)}: open a folder with "
                "Recommender.load"
            )
        self.bundle = bundle
        self._device = bundle.device(threads)
        check_golden(bundle.manifest, self._device)
        self._catalogue = Catalogue(bundle.items)

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 1) -> Self:
        """Open, check and load a bundle; raises BundleError with what is wrong with it.

        `path` is a folder or the name of a bundle that comes with pocketrec: "movielens-1m".
        """
        return cls(open_bundle(find_bundle(path)), threads=threads)

    @property
    def items(self) -> list[Item]:
        """The catalogue, most popular in training first."""
        return self.bundle.items

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the model reads of events and users beside item ids."""
        return self.bundle.spec.features

    @property
    def fingerprint(self) -> str:
        """Hash of the model file: a vector learned with one model is useless to another."""
        return str(self.bundle.manifest["files"][File.MODEL]["sha256"])

    def spelled(self, item: ItemId) -> ItemId:
        """An item's id as the catalogue has it; InputError when the catalogue lacks it."""
        (index,) = self._catalogue.indices([item], "items", strict=True)
        return self._catalogue.item(index).id

    def check_known(self, items: Iterable[ItemId]) -> None:
        """Raise InputError for ids that the catalogue does not have."""
        self._catalogue.indices(items, "items", strict=True)

    def session(
        self,
        history: Iterable[ItemId | Event] = (),
        *,
        user: Mapping[str, Any] | None = None,
        strict: bool = False,
    ) -> Session:
        """A user whose events come one by one, after those of `history`.

        Arguments are those of `recommend`. Where the model has a state, a tap reads two events
        instead of L, but starting a session calls the model once for each of the newest L events.
        """
        return Session(self._device, self._catalogue, history, user, strict=strict)

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

        An event is an item's id, or an Event that says more about it. `user` holds values by the
        names of [features.user]; `now` is the time of the request, in seconds since 1970 or as a
        datetime. Omit anything you don't know: the model was trained with missing values.

        The list never holds `blocked` items, nor seen ones (unless the bundle is for a domain where
        users repeat). An empty history gives popular items. Ids that the catalogue lacks are
        ignored with an UnknownItemWarning, and feature values that training never saw with an
        UnknownValueWarning; `strict` makes both an error. The list is shorter than k when fewer
        items are left. `user_vector` (D,) is added to the user's vector.

        Raises InputError for a k beyond the catalogue, for ids of another type, and for features
        that the model does not have.
        """
        k, strict = self._catalogue.count(k), truth(strict, "strict")
        query = self._query(
            history, blocked=blocked, user=user, now=now, user_vector=user_vector, strict=strict
        )
        ranking = self._device.recommend(query, k=k)
        return self._catalogue.lines(ranking, query.excluded(self.bundle.spec.exclude_seen))

    def score(
        self,
        history: Iterable[ItemId | Event],
        candidates: Iterable[ItemId],
        *,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
    ) -> list[float]:
        """Scores of the candidates, in their order, by which `recommend` ranks.

        Without successors (`model.successors = 0`) `recommend` rounds scores slightly more.

        Raises InputError for a candidate that the catalogue does not have.
        """
        query = self._query(history, user=user, now=now, user_vector=user_vector)
        indices = self._catalogue.indices(candidates, "candidates", strict=True)
        return [float(score) for score in self._device.score(query, indices)]

    def adapt(
        self,
        item: ItemId,
        *,
        liked: bool = True,
        learning_rate: float = 1.0,
        user_vector: Sequence[float] | None = None,
    ) -> list[float]:
        """The user_vector (D,) after learning that an item was liked, or disliked.

        One step of learning on the device; `Personal` keeps the vector and chooses the rates.
        Raises InputError for an item that the catalogue does not have.
        """
        index = self._catalogue.indices([item], "adapt", strict=True)
        target = np.full(1, 1 if truth(liked, "liked") else -1, np.float32)
        adapted = self._device.adapt(
            index, target, learning_rate=learning_rate, user_vector=vector(user_vector)
        )
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
        """For each of some items, the events of the history that raise its score most.

        Leaves out each of the newest 50 events once, one call of the model each. Ids of the history
        that the catalogue lacks are never reasons. Raises InputError for an item that the catalogue
        does not have.
        """
        known = [event for event in as_events(history) if self._catalogue.knows(event.id)]
        most = count(most, "most")
        candidates = self._catalogue.indices(items, "items", strict=True)
        added = vector(user_vector)
        ids = [event.id for event in known]
        events = self._catalogue.indices(ids, "history", strict=True)

        def score(places: Sequence[int]) -> FloatArray:
            # Rows are encoded anew: without an event, the gap of the next one is another.
            rows = encode_features(self.features, [known[n] for n in places], user, now)
            query = Query(events[list(places)], rows, user_vector=added)
            return self._device.score(query, candidates)

        reasons = leave_one_out(score, ids, most=most)
        explained = (self._catalogue.item(int(index)).id for index in candidates)
        return [Explanation(item, why) for item, why in zip(explained, reasons, strict=True)]

    def _query(
        self,
        history: Iterable[ItemId | Event],
        *,
        blocked: Iterable[ItemId] = (),
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        user_vector: Sequence[float] | None = None,
        strict: bool = False,
    ) -> Query:
        """The app's words as arrays; warns of unknown ids and values, or refuses them (strict)."""
        events, indices = self._catalogue.events(history, strict=strict)
        rows = encode_features(self.features, events, user, now)
        check_values(self.features, events, user, strict=strict)
        block = self._catalogue.indices(blocked, "blocked", strict=strict)
        return Query(indices, rows, block, vector(user_vector))
