"""The catalogue's items: an app names them by id, the model by index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bundle.folder import Item
from ..bundle.ranking import RankedItems
from ..errors import BundleError, InputError, shown
from ..schema import IntArray
from .events import Event, ItemId, as_events, count, key_of, listed, warn_caller


class UnknownItemWarning(UserWarning):
    """The catalogue lacks some ids; they are ignored."""


@dataclass(frozen=True)
class Recommendation:
    """One line of a list; scores are logits and compare within one list only."""

    id: ItemId
    title: str | None
    score: float

    def to_json(self) -> dict[str, Any]:
        """As `pocketrec recommend --json` prints it."""
        return {"id": self.id, "title": self.title, "score": self.score}


class Catalogue:
    """A bundle's items; the n-th, counted from 1, has the index n."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self._index = {str(item.id): n for n, item in enumerate(items, start=1)}

    def events(
        self, history: Iterable[ItemId | Event], *, strict: bool
    ) -> tuple[list[Event], IntArray]:
        """The events of known items and their indices (n,); unknown ones are as in `indices`."""
        events = as_events(history)
        indices = self.indices([event.id for event in events], "history", strict=strict)
        if len(indices) < len(events):
            events = [event for event in events if self.knows(event.id)]
        return events, indices

    def indices(self, ids: Iterable[ItemId], name: str, *, strict: bool) -> IntArray:
        """The indices (n,) of some ids; unknown ids are ignored with a warning, or refused.

        `name` is what the app calls the ids, for errors.
        """
        items = listed(ids, name)
        indices = [self._index.get(key_of(item, name)) for item in items]
        known = [index for index in indices if index is not None]
        if len(known) < len(items):
            unknown = [item for item, index in zip(items, indices, strict=True) if index is None]
            quoted = ", ".join(map(shown, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
            message = f"{len(unknown)} of {len(items)} ids of {name} are unknown: {quoted}"
            if strict:
                raise InputError(message)
            warn_caller(f"{message}; they are ignored", UnknownItemWarning)
        return np.asarray(known, np.int32)

    def knows(self, item: ItemId) -> bool:
        """Whether the catalogue has an item of this id."""
        return key_of(item) in self._index

    def item(self, index: int) -> Item:
        """The item of an index."""
        return self.items[index - 1]

    def count(self, k: Any) -> int:
        """The length k of a list; InputError unless it is from 1 to the catalogue's size."""
        length, most = count(k, "k"), len(self.items)
        if length > most:
            raise InputError(f"k = {shown(k)} is more than the catalogue's {most} items")
        return length

    def lines(self, ranking: RankedItems, excluded: IntArray) -> list[Recommendation]:
        """A list as an app reads it; BundleError when it holds an excluded item."""
        ids, scores = ranking
        if not set(excluded.tolist()).isdisjoint(ids.tolist()):
            raise BundleError("the model recommends blocked or seen items: do not use this bundle")
        ranked = ((self.item(index), score) for index, score in zip(ids, scores, strict=True))
        return [Recommendation(item.id, item.title, float(score)) for item, score in ranked]
