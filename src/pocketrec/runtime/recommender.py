"""Recommend from a bundle: raw ids in, raw ids and titles out. Needs no training stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..bundle.folder import Bundle, Item, open_bundle
from ..bundle.golden import check_golden
from ..errors import InputError, shown
from ..features.encoding import Feature
from ..pretrained import find_bundle
from ..schema import File, FloatArray, IntArray
from .catalogue import Catalogue, Recommendation
from .events import (
    Event,
    ItemId,
    Moment,
    as_events,
    check_values,
    count,
    encode_inputs,
    truth,
    vector,
)
from .explain import Explanation, leave_one_out
from .session import Session


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
        self._catalogue = Catalogue(bundle.items)

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
        """A user whose events come one by one, after what is known of them already.

        Arguments are those of `recommend`. Where the model has a state, a tap costs two events
        and not L, but to begin costs a call of the model for each of the newest L events.
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
        k, strict = self._catalogue.count(k), truth(strict, "strict")
        events, rows = self._events(history, user, now, strict=strict)
        hidden = self._catalogue.indices(blocked, "blocked", strict=strict)
        ranking = self._device.recommend(
            events, k=k, blocked=hidden, user_vector=vector(user_vector), features=rows
        )
        if self.bundle.exclude_seen:
            hidden = np.concatenate([hidden, events])
        return self._catalogue.lines(ranking, hidden)

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

        Where nothing follows (`model.successors = 0`) it rounds them a little more than this.

        Raises InputError for a candidate that the catalogue does not have.
        """
        events, rows = self._events(history, user, now, strict=False)
        scores = self._device.score(
            events,
            self._catalogue.indices(candidates, "candidates", strict=True),
            user_vector=vector(user_vector),
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
        """For each of some items the events of the history that its score rests on most.

        Every one of the newest 50 events is left out once, which costs a call of the model each.
        Unknown ids of the history are no reasons. Raises InputError for an item that the
        catalogue does not have.
        """
        known = [event for event in as_events(history) if self._catalogue.knows(event.id)]
        most = count(most, "most")
        candidates = self._catalogue.indices(items, "items", strict=True)
        added = vector(user_vector)
        ids = [event.id for event in known]
        events = self._catalogue.indices(ids, "history", strict=True)

        def score(places: Sequence[int]) -> FloatArray:
            rows = encode_inputs(self.features, [known[n] for n in places], user, now)
            return self._device.score(
                events[list(places)], candidates, user_vector=added, features=rows
            )

        found = leave_one_out(score, ids, most=most)
        asked = (self._catalogue.item(int(index)).id for index in candidates)
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
        events, indices = self._catalogue.events(history, strict=strict)
        rows = encode_inputs(self.features, events, user, now)
        check_values(self.features, events, user, strict=strict)
        return indices, rows
