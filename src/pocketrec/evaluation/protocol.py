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
"""Most scores in one call of a scorer (64 MB)."""


class Scorer(Protocol):
    """Anything that scores all items for a batch of users: a baseline, a model, a .tflite."""

    def __call__(
        self, histories: list[NDArray[np.int32]], features: list[FeatureRows] | None = None, /
    ) -> NDArray[np.float32]:
        """Histories of item indices, oldest first, perhaps empty -> scores (B, V) of items 1..V.

        `features` are the feature rows of each history, for scorers that read any. Higher is
        better; -inf means that the item is never recommended to this user.
        """
        ...


@runtime_checkable
class ProductScorer(Protocol):
    """A scorer whose scores are products, so that ranks are counted block by block of items."""

    def products(
        self, histories: list[NDArray[np.int32]], features: list[FeatureRows] | None = None, /
    ) -> Products:
        """Same arguments as a scorer -> scores that rank all items in the same order."""
        ...


@dataclass(frozen=True)
class Ranking:
    """The result of ranking all targets; every metric is computed from it."""

    ranks: NDArray[np.int64]
    """(U,) from 1 to V; V + 1 for a target that is in no list, however long."""
    top: NDArray[np.int32]
    """(U, K) best item indices, best first, 0 where there are fewer."""
    lengths: NDArray[np.int64]
    """(U,) events in each history."""

    def __getitem__(self, users: NDArray[np.bool_]) -> Ranking:
        """Select users by a mask (U,)."""
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

    Batches are smaller if V is large and the scorer is no `ProductScorer`. `k` is the length of
    the lists to keep: the largest cutoff that will be measured. `progress` is called with the
    number of users after each batch. The result does not depend on `batch` unless the scorer's
    scores do.
    """
    step = batch if isinstance(scorer, ProductScorer) else max(1, min(batch, SCORES // item_count))
    lengths = np.array([len(history) for history in targets.histories], np.int64)
    order = np.argsort(lengths, kind="stable")  # similar lengths together, so that little is padded
    targets = targets.reorder(order)
    ranks = np.empty(len(lengths), np.int64)
    top = np.zeros((len(ranks), k), np.int32)
    for first in range(0, len(ranks), step):
        users = targets.part(slice(first, first + step))
        histories = users.histories
        scores: Scores
        if isinstance(scorer, ProductScorer):
            scores = scorer.products(histories, users.features)
        else:
            scores = DenseScores(np.asarray(scorer(histories, users.features)))
        if scores.shape != (len(histories), item_count):
            raise DataError(
                f"a scorer returned scores of shape {scores.shape} for {len(histories)} users and "
                f"{item_count} items: use the model that was trained on this catalogue, not on "
                "another catalogue"
            )
        part = order[first : first + step]
        ranks[part], top[part] = rank_scores(scores, histories, users.targets, k, exclude_seen)
        if progress is not None:
            progress(len(histories))
    return Ranking(ranks, top, lengths)
