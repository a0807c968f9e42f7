"""Baselines that need no training: each is counted from the training events in seconds.

A model should beat them all. Figures on MovieLens-1M, leave-one-out,
full ranking, seen items excluded, HR@10 / NDCG@10: popularity .037 / .018, markov .214 / .126,
seq_knn .280 / .164.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..models.products import Cells, Products
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

# Chosen on the VALIDATION targets of MovieLens-1M (the second-last event of each user).
SOURCE_POWER: Final = 0.5  # votes of an item with n events are divided by n^0.5
TARGET_POWER: Final = 0.3  # votes for an item with n events are divided by n^0.3
NEIGHBOURS: Final = 1000  # successors kept per item, so that memory is bounded by the catalogue


@dataclass(frozen=True)
class Baseline:
    """Scores shared by all users, except for items that get votes from a history's newest events.

    `scores` (V,). `transitions` (V + 1, V + 1) are the votes; None: nothing votes. `strengths` (R,)
    are the weights of the newest item, the one before it, and so on.
    """

    scores: NDArray[np.float32]
    transitions: csr_array | None = None
    strengths: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def products(self, histories: list[NDArray[np.int32]], features: object = None) -> Products:
        """Scores (B, V); only the items with votes take memory."""
        # The product of a column of ones and the shared scores: the same row for every user.
        ones = torch.ones(len(histories), 1)
        shared = Products(ones, torch.from_numpy(self.scores).unsqueeze(1))
        if self.transitions is None:
            return shared
        votes = sum_votes(self.transitions, histories, self.strengths)
        users, items = (torch.from_numpy(indices).long() for indices in votes.coords)
        return replace(shared, cells=Cells.of(users, items, torch.from_numpy(votes.data)))

    def __call__(
        self, histories: list[NDArray[np.int32]], features: object = None
    ) -> NDArray[np.float32]:
        """Scores (B, V), as `protocol.Scorer` returns them."""
        scores: NDArray[np.float32] = self.products(histories).block(0, len(self.scores)).numpy()
        return scores


def popularity(sequences: Sequences, item_count: int) -> Baseline:
    """The same list for all users: score(i) = training events of item i."""
    return Baseline(sequences.counts(item_count).astype(np.float32))


def markov(sequences: Sequences, item_count: int) -> Baseline:
    """First-order Markov chain: score(i) = how often i came right after the newest item.

    Dividing by the row's sum would not change the order, so it is left out. Equal counts go to the
    lower index, which in prepared data is the more popular item. Items without a
    vote rank by popularity below the others; an empty history has no votes.
    """
    transitions = count_transitions(sequences, item_count, np.ones(1), neighbours=NEIGHBOURS)
    return Baseline(_fallback(sequences, item_count), transitions, np.ones(1))


def seq_knn(sequences: Sequences, item_count: int) -> Baseline:
    """Sequential nearest neighbours: the newest items vote for what soon follows them.

    score(i) = sum over r = 1..20 of r^-1 * w(item r-th newest in the history, i), with
    w(a, i) = sum over pairs, lag <= 10, of lag^-0.75 / (count(a)^0.5 * count(i)^0.3).
    Items without a vote rank by popularity below the others; an empty history has no votes.
    A sequence-aware item-kNN in the family of Ludewig and Jannach 2018, "Evaluation of
    Session-based Recommendation Algorithms".
    """
    counts = np.maximum(sequences.counts(item_count), 1).astype(np.float64)
    transitions = count_transitions(
        sequences,
        item_count,
        lag_weights=decay(STEPS, LAG_POWER),
        source_scale=counts**-SOURCE_POWER,
        target_scale=counts**-TARGET_POWER,
        neighbours=NEIGHBOURS,
    )
    return Baseline(_fallback(sequences, item_count), transitions, decay(RECENT, RECENCY_POWER))


BASELINES: Final[dict[str, Callable[[Sequences, int], Baseline]]] = {
    "popularity": popularity,
    "markov": markov,
    "seq_knn": seq_knn,
}
"""All baselines by their name in reports, weakest first."""


def _fallback(sequences: Sequences, item_count: int) -> NDArray[np.float32]:
    """Popularity squeezed into -1..0, so that any vote outweighs it -> (V,)."""
    counts = sequences.counts(item_count)
    share: NDArray[np.float32] = (counts / max(1, counts.max(initial=0))).astype(np.float32)
    return share - 1
