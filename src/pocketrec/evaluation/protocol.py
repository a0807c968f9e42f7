"""The protocol: rank each user's held-out item among ALL items of the catalogue.

Sampled metrics are not offered: they rank models differently than full ranking does (Krichene and
Rendle 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..models.products import Products
from ..preparation.targets import Targets
from ..schema import FeatureRows
from .ranking import DenseScores, Scores, rank_scores

SCORES = 2**24
"""Most scores that a scorer is asked to give at once (64 MB)."""


class Scorer(Protocol):
    """Anything that scores all items for a batch of users: a baseline, a model, a .tflite."""

    def __call__(
        self, histories: list[NDArray[np.int32]], features: list[FeatureRows] | None = None, /
    ) -> NDArray[np.float32]:
        """Histories of item indices, oldest first, perhaps empty -> scores (B, V) of items 1..V.

        `features` are what is told of each history beside the items, for scorers that listen.
        Higher is better; -inf means that the item is never recommended to this user.
        """
        ...


@runtime_checkable
class ProductScorer(Protocol):
    """A scorer whose scores are products, of which ranks are counted block by block."""

    def products(
        self, histories: list[NDArray[np.int32]], features: list[FeatureRows] | None = None, /
    ) -> Products:
        """Arguments as a scorer's -> scores of the same order as those that it gives whole."""
        ...


@dataclass(frozen=True)
class Ranking:
    """What a scorer did with all targets; every metric is computed from this alone."""

    ranks: NDArray[np.int64]
    """(U,) from 1 to V, and V + 1 for a miss that no longer list would mend."""
    top: NDArray[np.int32]
    """(U, K) best item indices, best first, 0 where there are fewer."""
    lengths: NDArray[np.int64]
    """(U,) events in each history."""

    def __getitem__(self, users: NDArray[np.bool_]) -> Ranking:
        """The same for some of the users, given as a mask (U,)."""
        return Ranking(self.ranks[users], self.top[users], self.lengths[users])


def rank_all(
    scorer: Scorer,
    targets: Targets,
    *,
    item_count: int,
    k: int,
    exclude_seen: bool,
    batch: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Ranking:
    """Rank every target with `scorer`, at most `batch` users at a time.

    They are fewer if V is large and the scorer has no products, only whole scores.
    `k` is the length of the lists kept: the largest cutoff that will be measured. `progress` is
    called with the number of users of each batch that is done. The result does not depend on
    `batch`, as long as the scorer's scores do not.
    """
    step = batch if isinstance(scorer, ProductScorer) else max(1, min(batch, SCORES // item_count))
    lengths = np.array([len(history) for history in targets.histories], np.int64)
    order = np.argsort(lengths, kind="stable")  # of like length, so that little is padding
    targets = targets.reorder(order)
    ranks = np.empty(len(lengths), np.int64)
    top = np.zeros((len(ranks), k), np.int32)
    for first in range(0, len(ranks), step):
        users = targets.part(slice(first, first + step))
        histories, wanted = users.histories, users.targets
        scores: Scores
        if isinstance(scorer, ProductScorer):
            scores = scorer.products(histories, users.features)
        else:
            scores = DenseScores(np.asarray(scorer(histories, users.features)))
        if scores.shape != (len(histories), item_count):
            raise DataError(
                f"a scorer gave scores of shape {scores.shape} for {len(histories)} users and "
                f"{item_count} items: the model belongs to another catalogue"
            )
        part = order[first : first + step]
        ranks[part], top[part] = rank_scores(scores, histories, wanted, k, exclude_seen)
        if progress is not None:
            progress(len(histories))
    return Ranking(ranks, top, lengths)
