"""What a model is asked about one user, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from ..schema import FeatureRows, IntArray

VectorLike = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def _no_items() -> IntArray:
    return np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Query:
    """One user: what they did, what is known beside it, and what they must not be shown.

    A model checks a query when it answers it; making one checks nothing.
    """

    history: IntArray = field(default_factory=_no_items)
    """(n,) item indices of any number of events, oldest first; models read the newest L."""
    features: FeatureRows = field(default_factory=dict)
    """Feature rows by the name of the input: (n, M) of the events, (M,) of the user.

    Features without rows are missing, which the model is trained for.
    """
    blocked: IntArray = field(default_factory=_no_items)
    """Item indices that no list may hold, in any order."""
    user_vector: VectorLike | None = None
    """(D,) is added to the user's vector; None adds nothing."""

    def part(self, events: slice) -> Self:
        """The same query with only some of the events and their feature rows."""
        # Rows of events have two dimensions, rows of the user one.
        features = {
            name: rows[events] if rows.ndim == 2 else rows for name, rows in self.features.items()
        }
        return replace(self, history=self.history[events], features=features)

    def events_only(self) -> Self:
        """The history and its feature rows, without anything else about the user."""
        features = {name: rows for name, rows in self.features.items() if rows.ndim == 2}
        return type(self)(self.history, features)

    def excluded(self, exclude_seen: bool) -> IntArray:
        """Indices that no list may hold: blocked items and, with `exclude_seen`, the history."""
        return np.concatenate([self.blocked, self.history]) if exclude_seen else self.blocked
