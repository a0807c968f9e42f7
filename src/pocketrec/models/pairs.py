"""Pairs (item, successor) of the lists that a model keeps: who made them, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..preparation.histories import History
from ..preparation.transitions import (
    STEPS,
)
from ..schema import IntArray

Places = NDArray[np.intp]


def share_in_lists(items: IntArray, successors: IntArray) -> float:
    """Of all pairs "b within 10 events after a" of a history, those with b in row a's list.

    `successors` are (V + 1, F), 0 where a list is shorter.
    """
    found = [of_lag.any(axis=1) for _, of_lag in _pairs(items, successors)]
    return float(np.concatenate(found).mean())


def supporters(histories: Sequence[History], successors: IntArray) -> IntArray:
    """How many of some users did each pair of the lists (V + 1, F): b within 10 events after a.

    Counted on those who trained, a pair of one user tells what that user did.
    """
    users = np.zeros(successors.size, np.int32)
    for history in histories:
        did = [np.empty(0, np.intp)]
        for source, found in _pairs(history.items, successors):
            pair, place = np.nonzero(found)
            did.append(source[pair] * successors.shape[1] + place)
        users[np.unique(np.concatenate(did))] += 1
    return users.reshape(successors.shape)


def _pairs(items: IntArray, successors: IntArray) -> Iterator[tuple[Places, NDArray[np.bool_]]]:
    """By lag, the a of each pair of a history (P,), and which successor of it the b is (P, F)."""
    for lag in range(1, min(STEPS, len(items) - 1) + 1):
        source = items[:-lag].astype(np.intp)
        yield source, successors[source] == items[lag:, None]
