"""Why an item is recommended: leave each event out, and see how far the item's score falls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..schema import FloatArray
from .events import ItemId

LOOKED_AT = 50
"""Newest events that may be reasons: each costs a call of the model."""


@dataclass(frozen=True)
class Reason:
    """An item of the history, and its share of the sum of all parts (see `leave_one_out`)."""

    id: ItemId
    share: float


@dataclass(frozen=True)
class Explanation:
    """An item, and the reasons why it is recommended, the largest share first."""

    id: ItemId
    because: list[Reason]

    def to_json(self) -> dict[str, Any]:
        """As `pocketrec recommend --why --json` prints it."""
        return {"because": [{"id": reason.id, "share": reason.share} for reason in self.because]}


def leave_one_out(
    score: Callable[[Sequence[int]], FloatArray], events: Sequence[ItemId], *, most: int
) -> list[list[Reason]]:
    """For each of n items, at most `most` events without which its score falls furthest.

    `score(places)` gives the items' scores (n,) when the history holds only the events at these
    places. An event's part is how far the score falls without it; its share is that part over the
    sum of all parts. An event whose absence raises the score is never a reason. Only the newest
    LOOKED_AT events are left out. With an empty history there are no reasons.
    """
    places = range(len(events))
    whole, looked_at = score(places), places[-LOOKED_AT:]
    falls: npt.NDArray[np.float64] = np.zeros((len(whole), len(looked_at)))
    for column, left_out in enumerate(looked_at):
        falls[:, column] = whole - score([place for place in places if place != left_out])
    reasons = []
    for parts in np.maximum(falls, 0):
        largest = sorted(np.flatnonzero(parts), key=lambda n: (-parts[n], -n))[:most]
        total = parts.sum()
        reasons.append([Reason(events[looked_at[n]], float(parts[n] / total)) for n in largest])
    return reasons
