"""Rank with the .tflite itself, one user after another, as a device would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..bundle.device import DeviceModel
from ..bundle.query import Query
from ..preparation.targets import Targets
from ..schema import IntArray
from .protocol import Ranking


def rank_on_device(
    device: DeviceModel,
    targets: Targets,
    *,
    k: int,
    beyond: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Ranking:
    """Ranks and lists as `rank_all` gives them, from the signatures of the file.

    The list is `recommend`'s. A target in it has its place there as rank; for others all items
    are scored by `score`, and those ahead are counted. That takes long where items are many: not
    `beyond` the list, they are misses (rank V + 1), which changes no metric with a cutoff.
    """
    length = max(k, device.spec.shapes.results)
    ranks = np.empty(len(targets.targets), np.int64)
    top = np.zeros((len(ranks), k), np.int32)
    for user, (history, target) in enumerate(zip(targets.histories, targets.targets, strict=True)):
        query = Query(history, {} if targets.features is None else targets.features[user])
        ids, _ = device.recommend(query, k=length)
        top[user, : len(ids[:k])] = ids[:k]
        ranks[user] = _rank(device, query, int(target), ids, beyond)
        if progress is not None:
            progress(1)
    lengths = np.array([len(history) for history in targets.histories], np.int64)
    return Ranking(ranks, top, lengths)


def _rank(device: DeviceModel, query: Query, target: int, ids: IntArray, beyond: bool) -> int:
    missed, exclude_seen = device.spec.shapes.items + 1, device.spec.exclude_seen
    if target == 0 or (exclude_seen and target in query.history):
        return missed
    if len(places := np.flatnonzero(ids == target)):
        return int(places[0]) + 1
    if not beyond:
        return missed
    scores = device.score(query, np.arange(1, missed, dtype=np.int32))
    own = scores[target - 1]
    ahead = (scores > own) | ((scores == own) & (np.arange(1, missed) < target))
    if exclude_seen:
        ahead[query.history - 1] = False
    # What is not in the list is behind all of it, whatever `score`, which rounds less, says.
    return 1 + max(len(ids), int(ahead.sum()))
