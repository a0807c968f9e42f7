"""Which items follow which: weighted item-to-item counts as sparse matrices.

Transitions are a `csr_array` (V + 1, V + 1) float32: entry (a, b) is the weight of item b as a
successor of item a. Row 0 and column 0 (padding) are empty.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .training_sequences import Sequences

PAIRS = 2**22
"""Most pairs of events that one block holds while counting (about 200 MB)."""

# "Soon follows", chosen on the VALIDATION targets of MovieLens-1M (each user's second-last event).
STEPS = 10  # events after an item that count as its successors
LAG_POWER = 0.75  # a successor `lag` events later counts lag^-0.75
RECENT = 20  # newest history items that vote
RECENCY_POWER = 1.0  # the r-th newest item votes with r^-1


def count_transitions(
    sequences: Sequences,
    item_count: int,
    lag_weights: NDArray[np.float64],
    source_scale: NDArray[np.float64] | None = None,
    target_scale: NDArray[np.float64] | None = None,
    neighbours: int | None = None,
    min_users: int = 1,
    block_pairs: int = PAIRS,
) -> csr_array:
    """Count, for items a and b, how often b came 1, 2, .. events after a in the same sequence.

    weight(a, b) = source_scale[a] * target_scale[b] * sum over such pairs of lag_weights[lag - 1];
    the scales are (V,) for items 1..V, by default 1. Rows are in order of their successors; with
    `neighbours`, a row keeps at most that many and lists the heaviest first (ties: the lower
    index). Pairs made by fewer than `min_users` users are left out. An item may follow itself.
    Time is O(E * lags * log), memory is O(E), the result and one block of at most `block_pairs`
    (more only if a single item has more).
    """
    counts = np.concatenate([[0], sequences.counts(item_count)])
    by_item = np.argsort(sequences.items, kind="stable")  # events of item 0, then 1, then 2, ..
    ends = len(by_item) - counts.sum() + np.cumsum(counts)  # where an item's events end in it
    scales = [
        np.ones(item_count + 1) if scale is None else np.concatenate([[0.0], scale])
        for scale in (source_scale, target_scale)
    ]
    sizes, successors, weights = [], [], []
    for first, last in _ranges(counts * len(lag_weights), block_pairs):
        positions = by_item[ends[first] - counts[first] : ends[last - 1]]
        shape = (last - first, item_count + 1)
        block = _count_rows(sequences, positions, first, shape, lag_weights, min_users)
        block.data *= np.repeat(scales[0][first:last], np.diff(block.indptr))
        block.data *= scales[1][block.indices]
        if neighbours is not None:
            block = _heaviest(block, neighbours)
        sizes.append(np.diff(block.indptr))
        successors.append(block.indices)
        weights.append(block.data.astype(np.float32))
    # Not scipy.sparse.vstack, which sorts each row by its successors.
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return csr_array(
        (np.concatenate(weights), np.concatenate(successors), indptr),
        shape=(item_count + 1, item_count + 1),
    )


def _count_rows(
    sequences: Sequences,
    positions: NDArray[np.intp],
    first: int,
    shape: tuple[int, int],
    lag_weights: NDArray[np.float64],
    min_users: int,
) -> csr_array:
    """Count the rows of items from `first` on, given the positions (n,) of all their events.

    Positions come by item, and those of one item by user.
    """
    row = sequences.items[positions] - first
    user = np.searchsorted(sequences.offsets, positions, side="right") - 1
    end = sequences.offsets[user + 1]
    begins = (np.diff(row, prepend=-1) != 0) | (np.diff(user, prepend=-1) != 0)
    pair = np.cumsum(begins) - 1  # numbers each (item, user) of this block
    weights = csr_array(shape)
    made_by = csr_array((int(begins.sum()), shape[1]), dtype=np.bool_)
    # One lag at a time: pairs with equal counts then get equal sums to the last bit, and tie.
    for lag, weight in enumerate(lag_weights, 1):
        source = np.flatnonzero(positions + lag < end)
        target = sequences.items[positions[source] + lag]
        source, target = source[target > 0], target[target > 0]
        same = np.full(len(source), weight)
        weights += coo_array((same, (row[source], target)), shape=shape).tocsr()
        if min_users > 1:
            once = np.ones(len(source), np.bool_)
            made_by += coo_array((once, (pair[source], target)), shape=made_by.shape).tocsr()
    if min_users > 1:
        one = np.ones(made_by.shape[0], np.int32)
        row_of_pair = coo_array((one, (row[begins], np.arange(len(one)))), (shape[0], len(one)))
        weights = weights.multiply(row_of_pair.tocsr() @ made_by >= min_users).tocsr()
    return weights


def _heaviest(rows: csr_array, most: int) -> csr_array:
    """Keep the `most` heaviest entries of each row, heaviest first; ties: the lower index."""
    sizes = np.diff(rows.indptr)
    order = np.lexsort((rows.indices, -rows.data, np.repeat(np.arange(len(sizes)), sizes)))
    place = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], sizes)
    kept = order[place < most]
    indptr = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
    return csr_array((rows.data[kept], rows.indices[kept], indptr), shape=rows.shape)


def _ranges(sizes: NDArray[np.int64], limit: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) that cover all rows, each of at most `limit`, or of a single row."""
    total, first = np.cumsum(sizes), 0
    while first < len(sizes):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + limit, side="right")))
        yield first, last
        first = last


def sum_votes(
    transitions: csr_array, histories: list[NDArray[np.int32]], strengths: NDArray[np.float64]
) -> coo_array:
    """Sum the rows of each history's newest items -> (B, V) float32, column 0 is item 1.

    The newest item's row counts strengths[0] times, the one before strengths[1] times, and so on.
    Index 0 takes its place in the history and adds nothing.
    """
    newest = np.zeros((len(histories), len(strengths)), np.int64)  # newest first
    for row, history in enumerate(histories):
        recent = history[-len(strengths) :][::-1]
        newest[row, : len(recent)] = recent
    # Take the rows that vote first, because @ copies both of its operands as float64.
    items, place = np.unique(newest, return_inverse=True)
    voting = csr_array(
        (
            np.tile(strengths, len(histories)),
            place.ravel(),
            np.arange(0, newest.size + 1, len(strengths)),
        ),
        shape=(len(histories), len(items)),
    )
    votes = (voting @ transitions[items]).astype(np.float32).tocoo()
    user, item = votes.coords
    return coo_array((votes.data, (user, item - 1)), shape=(len(histories), votes.shape[1] - 1))


def decay(length: int, power: float) -> NDArray[np.float64]:
    """1, 2^-power, 3^-power, .. -> (length,)."""
    return np.arange(1, length + 1, dtype=np.float64) ** -power
