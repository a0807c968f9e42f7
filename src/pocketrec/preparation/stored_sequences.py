"""The training events of all users, read from disk one shard at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..schema import IntArray
from .data import PreparedData


@dataclass(frozen=True)
class StoredSequences:
    """The training events of all users on disk: one shard is in memory at a time."""

    data: PreparedData

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Training events of each user, (U,)."""
        return np.concatenate([self.data.lengths(shard) for shard in self.data.shards])

    def first_events(self, users: npt.NDArray[np.intp], most: int) -> Iterator[IntArray]:
        """See `Sequences.first_events`."""
        before = 0
        for shard in self.data.shards:
            sequences = self.data.training((), [shard])
            after = before + len(sequences.lengths)
            in_shard = users[(users >= before) & (users < after)]
            yield from sequences.first_events(in_shard - before, most)
            before = after
