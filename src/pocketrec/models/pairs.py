"""Pairs (item, successor) of a model's lists: how often histories contain them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..preparation.histories import History
from ..preparation.transitions import STEPS
from ..schema import IntArray

Places = NDArray[np.intp]


def share_in_lists(items: IntArray, successors: IntArray) -> float:
    """The share of the pairs "b within 10 events after a" of a history with b in row a's list.

    `successors` (V + 1, F) has 0 where a list is shorter.
    """
    in_list = [matches.any(axis=1) for _, matches in _pairs(items, successors)]
    return float(np.concatenate(in_list).mean())


def supporters(histories: Sequence[History], successors: IntArray) -> IntArray:
    """For each entry b of row a's list, how many users had b within 10 events after a: (V + 1, F).

    Counted on training users, an entry with a count of 1 reveals what one user did.
    """
    users = np.zeros(successors.size, np.int32)
    for history in histories:
        entries = [np.empty(0, np.intp)]
        for source, matches in _pairs(history.items, successors):
            pair, rank = np.nonzero(matches)
            entries.append(source[pair] * successors.shape[1] + rank)
        # A user counts once per entry, however often the pair repeats.
        users[np.unique(np.concatenate(entries))] += 1
    return users.reshape(successors.shape)


def _pairs(items: IntArray, successors: IntArray) -> Iterator[tuple[Places, NDArray[np.bool_]]]:
    """For each lag: the a of every pair (P,), and which entry of row a equals its b (P, F)."""
    for lag in range(1, min(STEPS, len(items) - 1) + 1):
        source = items[:-lag].astype(np.intp)
        yield source, successors[source] == items[lag:, None]
