"""Pairs (item, successor) in a model's successor lists: how often users made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..preparation.histories import History
from ..preparation.transitions import STEPS
from ..schema import IntArray

Places = NDArray[np.intp]


def fraction_in_lists(items: IntArray, successors: IntArray) -> float:
    """Of all pairs "b within 10 events after a" of a history, the share with b in the list of a.

    `successors` (V + 1, F), 0 where a list is shorter.
    """
    is_listed = [matches.any(axis=1) for _, matches in _match_pairs(items, successors)]
    return float(np.concatenate(is_listed).mean())


def count_pair_users(histories: Sequence[History], successors: IntArray) -> IntArray:
    """Count the users who made each pair of the lists: b within 10 events after a -> (V + 1, F).

    On training users, a pair made by a single user reveals what that user did.
    """
    users = np.zeros(successors.size, np.int32)
    for history in histories:
        cells = [np.empty(0, np.intp)]  # flat indices into the lists
        for source, matches in _match_pairs(history.items, successors):
            pair, place = np.nonzero(matches)
            cells.append(source[pair] * successors.shape[1] + place)
        users[np.unique(np.concatenate(cells))] += 1  # however often a user made a pair
    return users.reshape(successors.shape)


def _match_pairs(
    items: IntArray, successors: IntArray
) -> Iterator[tuple[Places, NDArray[np.bool_]]]:
    """For each lag, the item a of each pair (P,), and which of its successors equals b (P, F)."""
    for lag in range(1, min(STEPS, len(items) - 1) + 1):
        source = items[:-lag].astype(np.intp)
        yield source, successors[source] == items[lag:, None]
