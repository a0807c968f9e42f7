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
    """Rank all targets as `rank_all` does, with the signatures of the file.

    Lists come from `recommend`. A target in the list has its place there as rank. For other
    targets, `score` scores all items and those ahead are counted, which takes long for many items.
    Without `beyond` such targets are misses (rank V + 1); metrics with a cutoff stay the same.
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
    of_target = scores[target - 1]
    tied_before = (scores == of_target) & (np.arange(1, missed) < target)
    ahead = (scores > of_target) | tied_before
    if exclude_seen:
        ahead[query.history - 1] = False
    # A target that is not in the list ranks behind all of it, even if `score`, which rounds less
    # than `recommend`, puts it higher.
    return 1 + max(len(ids), int(ahead.sum()))
