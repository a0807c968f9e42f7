"""The training events of all users, as flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..schema import FeatureRows, IntArray


@dataclass(frozen=True)
class Sequences:
    """The TRAINING events of all users, one user after another, oldest first.

    `items` (E,) int32 are item indices; user u has items[offsets[u]:offsets[u + 1]], with
    `offsets` (U + 1,) int64 from 0 to E. Index 0, an item that is not in the catalogue, is not
    counted. `features` are the feature rows by input name: (E, M) of events, (U, M) of users.
    """

    items: IntArray
    offsets: npt.NDArray[np.int64]
    features: FeatureRows = field(default_factory=dict)

    def __post_init__(self) -> None:
        offsets = self.offsets
        whole = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(self.items)
        if not whole or (np.diff(offsets) < 0).any():
            raise DataError(
                f"offsets of sequences must rise from 0 to the number of events, {len(self.items)}"
            )

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Training events of each user, (U,)."""
        return np.diff(self.offsets)

    def first_events(self, users: npt.NDArray[np.intp], most: int) -> Iterator[IntArray]:
        """Yield the first `most` events of some users, given by rising indices."""
        for user in users:
            first, last = self.offsets[user : user + 2]
            yield self.items[first : min(last, first + most)]

    def counts(self, item_count: int) -> npt.NDArray[np.int64]:
        """Training events of items 1..V -> (V,)."""
        if len(self.items) and (self.items.min() < 0 or self.items.max() > item_count):
            raise DataError(
                f"sequences hold item indices {self.items.min()} to {self.items.max()}, "
                f"but the catalogue has 1 to {item_count}"
            )
        return np.bincount(self.items, minlength=item_count + 1)[1:]
