"""Why an item is recommended: the events that its score rests on, by leaving each one out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..schema import FloatArray
from .events import ItemId

LOOKED_AT = 50
"""Newest events that may be a reason: each costs a call of the model."""


@dataclass(frozen=True)
class Reason:
    """An item of the history, and its share of all that spoke for the explained one."""

    id: ItemId
    share: float


@dataclass(frozen=True)
class Explanation:
    """An item, and what it is recommended for, the largest share first."""

    id: ItemId
    because: list[Reason]

    def to_json(self) -> dict[str, Any]:
        """As `pocketrec recommend --why --json` prints it."""
        return {"because": [{"id": reason.id, "share": reason.share} for reason in self.because]}


def leave_one_out(
    score: Callable[[Sequence[int]], FloatArray], events: Sequence[ItemId], *, most: int
) -> list[list[Reason]]:
    """For each of n items the events without which its score falls most, at most `most`.

    `score(places)` gives the items' scores (n,) by the events at some places of the history. An
    event's part is the fall of the score when it is left out, its share that part over the sum of
    all parts; an event whose absence raises the score is no reason. Only the newest LOOKED_AT are
    left out. What rests on no event, as with an empty history, has no reason.
    """
    places = range(len(events))
    whole, looked_at = score(places), places[-LOOKED_AT:]
    falls: npt.NDArray[np.float64] = np.zeros((len(whole), len(looked_at)))
    for column, left_out in enumerate(looked_at):
        falls[:, column] = whole - score([place for place in places if place != left_out])
    found = []
    for parts in np.maximum(falls, 0):
        largest = sorted(np.flatnonzero(parts), key=lambda n: (-parts[n], -n))[:most]
        total = parts.sum()
        found.append([Reason(events[looked_at[n]], float(parts[n] / total)) for n in largest])
    return found
