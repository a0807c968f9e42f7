"""Catalogue coverage: the share of items that at least one user is shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

CERTAIN = 16
"""An item in the lists of so many users counts as covered in every resample: the chance to miss it
is below e^-16, two in ten million."""

CELLS = 2**25
"""Most booleans in memory at once while resampling (32 MB)."""


def coverage(top: NDArray[np.int32], item_count: int) -> float:
    """|union of all users' lists| / V, from 0 to 1. It is of all users together, not a mean.

    `top` (U, k) holds item indices, 0 where a list is shorter. Without users it is 0. It grows
    with the number of users: compare only figures of the same users. Source: Ge, Delgado-Battenfeld
    and Jannach 2010, "Beyond Accuracy".
    """
    return float(np.count_nonzero(np.unique(top)) / item_count)


def resampled_coverage(
    top: NDArray[np.int32], item_count: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Make a function from weights (S, U), how often a resample contains a user, to coverage (S,).

    A resample covers an item if it contains a user whose list holds the item.
    """
    rows, columns = np.nonzero(top)
    items = top[rows, columns]
    order = np.argsort(items, kind="stable")
    items, owners = items[order], rows[order]
    _, starts, users = np.unique(items, return_index=True, return_counts=True)
    rare = users < CERTAIN
    certain = int(np.count_nonzero(~rare))
    owners = owners[np.repeat(rare, users)]
    starts = np.concatenate([[0], np.cumsum(users[rare])[:-1]]).astype(np.int64)
    step = max(1, CELLS // max(1, len(owners)))

    def covered(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        items_covered = np.full(len(weights), certain, np.float64)
        for first in range(0, len(weights) if len(owners) else 0, step):
            sampled = np.ascontiguousarray(weights[first : first + step].T > 0)  # (U, s)
            held = np.logical_or.reduceat(sampled[owners], starts, axis=0)  # (rare items, s)
            items_covered[first : first + step] += held.sum(axis=0)
        return items_covered / item_count

    return covered
