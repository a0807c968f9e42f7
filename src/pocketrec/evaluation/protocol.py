"""The protocol: rank each user's held-out item among ALL items of the catalogue.

Sampled metrics are not offered: they rank models differently than full ranking does (Krichene and
Rendle 2020). One order is used for ranks and for lists: higher score first, then lower index; items
that may not be recommended are in neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..examples.targets import Targets
from ..schema import Rows

SCORES = 2**24
"""Most scores of a batch (64 MB): batches of large catalogues hold fewer users."""


class Scorer(Protocol):
    """Anything that scores all items for a batch of users: a baseline, a model, a .tflite."""

    def __call__(
        self, histories: list[NDArray[np.int32]], features: list[Rows] | None = None, /
    ) -> NDArray[np.float32]:
        """Histories of item indices, oldest first, perhaps empty -> scores (B, V) of items 1..V.

        `features` are what is told of each history beside the items, for scorers that listen.
        Higher is better; -inf means that the item is never recommended to this user.
        """
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


def rank_scores(
    scores: NDArray[np.float32],
    histories: list[NDArray[np.int32]],
    targets: NDArray[np.int32],
    k: int,
    exclude_seen: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Ranks (B,) of the targets and the best k items (B, k), from scores (B, V).

    rank = 1 + items with a higher score + items with an equal score and a lower index, counted
    over the items that may be recommended: not seen (if `exclude_seen`), not -inf. So a scorer
    that gives all items one score gets the order of the catalogue and no credit for ties, and
    rank <= k exactly if the target is among the best k. A target that is 0, seen or -inf has rank
    V + 1. Raises DataError for NaN and for indices outside of the catalogue.
    """
    users, item_count = scores.shape
    if np.isnan(scores).any():
        raise DataError("the scores to be ranked are not numbers (NaN): the model is broken")
    if len(targets) and not 0 <= targets.min() <= targets.max() <= item_count:
        raise DataError(f"a target is not one of the catalogue's items, 1 to {item_count}")
    allowed = scores > -np.inf  # (B, V)
    if exclude_seen:
        row = np.repeat(np.arange(users), [len(history) for history in histories])
        item = np.concatenate([np.empty(0, np.int32), *histories])
        if len(item) and not 0 <= item.min() <= item.max() <= item_count:
            raise DataError(f"a history holds items outside of the catalogue's 1 to {item_count}")
        allowed[row[item > 0], item[item > 0] - 1] = False

    column = np.maximum(targets, 1).astype(np.int64) - 1
    reachable = (targets > 0) & allowed[np.arange(users), column]
    own = scores[np.arange(users), column][:, None]
    ahead = scores > own
    ahead |= (scores == own) & (np.arange(item_count) < column[:, None])
    ahead &= allowed
    ranks = np.where(reachable, 1 + ahead.sum(axis=1), item_count + 1)
    return ranks.astype(np.int64), _best(scores, allowed, k)


def _best(scores: NDArray[np.float32], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Indices of the k highest allowed scores (B, k), ties to the lower index, then 0."""
    users, item_count = scores.shape
    top = np.zeros((users, k), np.int32)
    width = min(k, item_count)
    masked = np.where(allowed, scores, -np.inf)
    last = np.partition(masked, item_count - width, axis=1)[:, item_count - width, None]
    # Above the k-th score all are in; of those equal to it, the first few that still fit.
    chosen = masked > last
    row, column = np.nonzero(masked == last)  # by row, then by column
    place = np.arange(len(row)) - np.searchsorted(row, row)
    fits = place < (width - chosen.sum(axis=1))[row]
    chosen[row[fits], column[fits]] = True
    columns = np.nonzero(chosen)[1].reshape(users, width)
    values = np.take_along_axis(masked, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    columns = np.take_along_axis(columns, order, axis=1)
    top[:, :width] = np.where(np.take_along_axis(allowed, columns, axis=1), columns + 1, 0)
    return top


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
    """Rank every target with `scorer`, at most `batch` users at a time (fewer if V is large).

    `k` is the length of the lists kept: the largest cutoff that will be measured. `progress` is
    called with the number of users of each batch that is done. The result does not depend on
    `batch`, as long as the scorer's scores do not.
    """
    step = max(1, min(batch, SCORES // item_count))
    ranks = np.empty(len(targets.targets), np.int64)
    top = np.zeros((len(ranks), k), np.int32)
    for first in range(0, len(ranks), step):
        part = slice(first, first + step)
        users = targets.part(part)
        histories, wanted = users.histories, users.targets
        scores = np.asarray(scorer(histories, users.features))
        if scores.shape != (len(histories), item_count):
            raise DataError(
                f"a scorer gave scores of shape {scores.shape} for {len(histories)} users and "
                f"{item_count} items: the model belongs to another catalogue"
            )
        ranks[part], top[part] = rank_scores(scores, histories, wanted, k, exclude_seen)
        if progress is not None:
            progress(len(histories))
    lengths = np.array([len(history) for history in targets.histories], np.int64)
    return Ranking(ranks, top, lengths)
