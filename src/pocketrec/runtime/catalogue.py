"""The items that an app names by id, and the model by index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bundle.folder import Item
from ..errors import BundleError, InputError, shown
from ..schema import FloatArray, IntArray
from .events import Event, ItemId, as_events, count, key_of, listed, warn_caller


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


class Catalogue:
    """A bundle's items; the n-th, counted from 1, has the index n."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self._index = {str(item.id): n for n, item in enumerate(items, start=1)}

    def events(
        self, history: Iterable[ItemId | Event], *, strict: bool
    ) -> tuple[list[Event], IntArray]:
        """The events of known items (n), and their indices (n,); others as of `indices`."""
        events = as_events(history)
        indices = self.indices([event.id for event in events], "history", strict=strict)
        if len(indices) < len(events):
            events = [event for event in events if self.knows(event.id)]
        return events, indices

    def indices(self, ids: Iterable[ItemId], name: str, *, strict: bool) -> IntArray:
        """The indices of some ids; unknown ones are ignored with a warning, or refused."""
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

    def knows(self, item: ItemId) -> bool:
        """Whether there is an item of this id."""
        return key_of(item) in self._index

    def item(self, index: int) -> Item:
        """The item of an index."""
        return self.items[index - 1]

    def count(self, k: Any) -> int:
        """How long a list is to be, as a number; InputError for none, and beyond the catalogue."""
        found, most = count(k, "k"), len(self.items)
        if found > most:
            raise InputError(f"k = {shown(k)} is more than the catalogue's {most} items")
        return found

    def lines(self, ranking: tuple[IntArray, FloatArray], hidden: IntArray) -> list[Recommendation]:
        """A list as an app reads it; BundleError when it holds what is hidden."""
        ids, scores = ranking
        if not set(hidden.tolist()).isdisjoint(ids.tolist()):
            raise BundleError("the model recommends what is blocked or was seen: do not use it")
        found = ((self.item(index), score) for index, score in zip(ids, scores, strict=True))
        return [Recommendation(item.id, item.title, float(score)) for item, score in found]
