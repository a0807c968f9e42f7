"""Rank with the .tflite itself, one user after another, as a device would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..bundle.device import DeviceModel
from ..preparation.targets import Targets
from ..schema import FeatureRows, IntArray
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
    length = max(k, device.shapes.results)
    ranks = np.empty(len(targets.targets), np.int64)
    top = np.zeros((len(ranks), k), np.int32)
    for user, (history, target) in enumerate(zip(targets.histories, targets.targets, strict=True)):
        rows = None if targets.features is None else targets.features[user]
        ids, _ = device.recommend(history, k=length, features=rows)
        top[user, : len(ids[:k])] = ids[:k]
        ranks[user] = _rank(device, history, rows, int(target), ids, beyond)
        if progress is not None:
            progress(1)
    lengths = np.array([len(history) for history in targets.histories], np.int64)
    return Ranking(ranks, top, lengths)


def _rank(
    device: DeviceModel,
    history: IntArray,
    rows: FeatureRows | None,
    target: int,
    ids: IntArray,
    beyond: bool,
) -> int:
    missed = device.shapes.items + 1
    if target == 0 or (device.exclude_seen and target in history):
        return missed
    if len(places := np.flatnonzero(ids == target)):
        return int(places[0]) + 1
    if not beyond:
        return missed
    scores = device.score(history, np.arange(1, missed, dtype=np.int32), features=rows)
    own = scores[target - 1]
    ahead = (scores > own) | ((scores == own) & (np.arange(1, missed) < target))
    if device.exclude_seen:
        ahead[history - 1] = False
    # What is not in the list is behind all of it, whatever `score`, which rounds less, says.
    return 1 + max(len(ids), int(ahead.sum()))
