"""What an attacker expects of any user: a Markov chain of other users' events, as a scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..evaluation.baselines import NEIGHBOURS
from ..preparation.histories import History
from ..preparation.training_sequences import Sequences
from ..preparation.transitions import (
    LAG_POWER,
    RECENCY_POWER,
    RECENT,
    STEPS,
    count_transitions,
    decay,
    sum_votes,
)
from ..schema import IntArray

VOTES_SHARE = 0.5
"""Share of the probability that the newest events vote on; the rest is popularity."""


@dataclass(frozen=True)
class Reference:
    """An interpolated Markov chain, counted on users whom nobody attacks.

    p(i) = .5 (1 + n(i)) / sum of (1 + n) + .5 votes(i), where n(i) are the events of item i. The
    votes sum to 1: the newest 20 events vote for what follows them within 10 events.
    """

    popularity: NDArray[np.float64]
    """(V,), sums to 1."""
    transitions: csr_array

    @classmethod
    def count(cls, histories: Sequence[History], item_count: int) -> Reference:
        """Count whole histories."""
        sequences = concatenate(histories)
        counts = sequences.counts(item_count) + 1.0
        lags = decay(STEPS, LAG_POWER)
        transitions = count_transitions(sequences, item_count, lags, neighbours=NEIGHBOURS)
        return cls(counts / counts.sum(), transitions)

    def __call__(self, histories: list[IntArray], features: object = None) -> NDArray[np.float32]:
        """Log-probabilities (B, V)."""
        votes = sum_votes(self.transitions, histories, decay(RECENT, RECENCY_POWER)).toarray()
        sums = votes.sum(axis=1, keepdims=True)
        # A history without votes, such as an empty one, is all popularity.
        votes = np.where(sums > 0, votes / np.where(sums > 0, sums, 1), self.popularity)
        mixed = (1 - VOTES_SHARE) * self.popularity + VOTES_SHARE * votes
        return np.log(mixed).astype(np.float32)


def concatenate(histories: Sequence[History]) -> Sequences:
    """The items of some users as sequences, without features."""
    lengths = [len(history.items) for history in histories]
    items = np.concatenate([history.items for history in histories])
    return Sequences(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
