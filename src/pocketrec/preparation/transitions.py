"""What follows what: weighted item-to-item counts in sparse rows, in numpy and bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .data import Sequences

PAIRS = 2**22
"""Most pairs that one step holds, while counting and while scoring (about 200 MB)."""

# "Soon follows", chosen on the VALIDATION targets of MovieLens-1M (each user's second-last event).
STEPS = 10  # events after an item that count as following it
LAG_POWER = 0.75  # a successor `lag` events later counts lag^-0.75
RECENT = 20  # newest history items that vote
RECENCY_POWER = 1.0  # the r-th newest item votes with r^-1


@dataclass(frozen=True)
class Transitions:
    """Sparse rows: item a is followed by `successors` with `weights`, both from indptr[a] on.

    `indptr` (V + 2,) int64, row 0 (padding) is empty; `successors` int32 in 1..V; `weights`
    float32.
    """

    indptr: NDArray[np.int64]
    successors: NDArray[np.int32]
    weights: NDArray[np.float32]

    def follow(self, histories: list[NDArray[np.int32]], strengths: NDArray[np.float64]) -> Votes:
        """Sum the rows of each history's newest items: the cells of (B, V) that are not 0.

        The newest item's row counts strengths[0] times, the one before strengths[1] times, and
        so on. Index 0 takes its place in the history and adds nothing.
        """
        item_count = len(self.indptr) - 2
        newest = np.zeros((len(histories), len(strengths)), np.int64)  # newest first
        for row, history in enumerate(histories):
            recent = history[-len(strengths) :][::-1]
            newest[row, : len(recent)] = recent
        sizes = (self.indptr[newest + 1] - self.indptr[newest]).sum(axis=1)
        cells, weights = [np.empty(0, np.int64)], [np.empty(0)]
        for first, last in _cut(sizes, PAIRS):
            block = newest[first:last]
            begin, size = self.indptr[block], self.indptr[block + 1] - self.indptr[block]
            size = size.ravel()
            skipped = np.cumsum(size) - size
            entry = np.repeat(begin.ravel() - skipped, size) + np.arange(size.sum())
            user = np.repeat(np.arange(last - first), len(strengths))
            cell = np.repeat(user * item_count - 1, size) + self.successors[entry]
            weight = np.repeat(np.tile(strengths, last - first), size) * self.weights[entry]
            cell, weight = _summed(cell, weight, (last - first) * item_count)
            cells.append(cell + first * item_count)
            weights.append(weight)
        users, items = np.divmod(np.concatenate(cells), max(1, item_count))
        return Votes(users, items, np.concatenate(weights).astype(np.float32))


@dataclass(frozen=True)
class Votes:
    """Positive sums (E,) of users 0..B-1 for items, from 0, by user and then by item."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    weights: NDArray[np.float32]

    def whole(self, users: int, item_count: int) -> NDArray[np.float32]:
        """The same as (B, V), 0 where nothing votes."""
        scores = np.zeros((users, item_count), np.float32)
        scores[self.users, self.items] = self.weights
        return scores


def _summed(
    cells: NDArray[np.int64], weights: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The different cells among 0..count - 1, rising, and the sums of their weights."""
    if count <= 4 * len(cells):  # counting is quicker than sorting where most cells are met
        total = np.bincount(cells, weights, minlength=count).astype(np.float64, copy=False)
        found = np.flatnonzero(total).astype(np.int64)
        return found, total[found]
    order = np.argsort(cells, kind="stable")
    fresh = np.flatnonzero(np.diff(cells[order], prepend=-1))
    if not len(fresh):
        return cells, weights
    sums: NDArray[np.float64] = np.add.reduceat(weights[order], fresh)
    return cells[order][fresh], sums


def count_transitions(
    sequences: Sequences,
    item_count: int,
    lag_weights: NDArray[np.float64],
    source_scale: NDArray[np.float64] | None = None,
    target_scale: NDArray[np.float64] | None = None,
    neighbours: int | None = None,
    min_users: int = 1,
) -> Transitions:
    """Count, for items a and b, how often b came 1, 2, .. events after a in the same sequence.

    weight(a, b) = source_scale[a] * target_scale[b] * sum over such pairs of lag_weights[lag - 1];
    the scales are (V,) for items 1..V, by default 1. Rows are in order of their successors; with
    `neighbours` only the heaviest of an item are kept, at most that many, and come in order of
    their weight (ties to the lower index). Pairs that fewer than `min_users` users made are left
    out. An item may follow itself. Time is O(E * lags * log),
    memory O(E) beside the result and one block of PAIRS (more only if a single item has more).
    """
    items, lags = sequences.items.astype(np.int64), len(lag_weights)
    ends = np.repeat(sequences.offsets[1:], np.diff(sequences.offsets))  # (E,)
    users = np.repeat(np.arange(len(sequences.offsets) - 1), np.diff(sequences.offsets))  # (E,)
    by_item = np.argsort(sequences.items, kind="stable")  # positions, so that rows come in order
    counts = np.concatenate([[0], sequences.counts(item_count)])
    begin = np.cumsum(counts) - counts + len(items) - counts.sum()  # past the zeros
    scales = [
        np.ones(item_count + 1) if scale is None else np.concatenate([[0.0], scale])
        for scale in (source_scale, target_scale)
    ]
    sizes = np.zeros(item_count + 1, np.int64)
    successors, weights = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for first, last in _cut(counts * lags, PAIRS):
        position = by_item[begin[first] : begin[last - 1] + counts[last - 1]]
        following = position[:, None] + np.arange(1, lags + 1)  # (events, lags)
        same_user = following < ends[position][:, None]
        target = items[np.where(same_user, following, 0)]
        pair = items[position][:, None] * (item_count + 1) + target
        kept = same_user & (target > 0)
        if min_users > 1:
            kept[kept] = _of_many(pair[kept], users[position].repeat(kept.sum(1)), min_users)
        key = (pair * lags + np.arange(lags))[kept]
        if not len(key):
            continue
        key.sort()
        cell, lag = np.divmod(key, lags)
        fresh = np.flatnonzero(np.diff(cell, prepend=-1))
        source, target = np.divmod(cell[fresh], item_count + 1)
        weight = np.add.reduceat(lag_weights[lag], fresh) * scales[0][source] * scales[1][target]
        if neighbours is not None:
            source, target, weight = _heaviest(source, target, weight, neighbours)
        sizes += np.bincount(source, minlength=item_count + 1)
        successors.append(target.astype(np.int32))
        weights.append(weight.astype(np.float32))
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    return Transitions(indptr, np.concatenate(successors), np.concatenate(weights))


def _of_many(pairs: NDArray[np.int64], users: NDArray[np.int64], least: int) -> NDArray[np.bool_]:
    """Which pairs at least so many different users made; equal pairs have users that rise."""
    order = np.argsort(pairs, kind="stable")
    begins = np.diff(pairs[order], prepend=-1) != 0
    fresh = begins | (np.diff(users[order], prepend=-1) != 0)
    group = np.cumsum(begins) - 1
    many = np.bincount(group, fresh) >= least
    found = np.empty(len(pairs), np.bool_)
    found[order] = many[group]
    return found


def _heaviest(
    source: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.float64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Keep the `most` heaviest entries of each source, heaviest first; sources stay in order."""
    row_starts = np.flatnonzero(np.diff(source, prepend=-1))
    row_sizes = np.diff(row_starts, append=len(source))
    order = np.lexsort((target, -weight, source))
    kept = order[np.arange(len(source)) - np.repeat(row_starts, row_sizes) < most]
    return source[kept], target[kept], weight[kept]


def _cut(sizes: NDArray[np.int64], limit: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) that cover all rows, each of at most `limit`, or of a single row."""
    total, first = np.cumsum(sizes), 0
    while first < len(sizes):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + limit, side="right")))
        yield first, last
        first = last


def decay(length: int, power: float) -> NDArray[np.float64]:
    """1, 2^-power, 3^-power, .. -> (length,)."""
    return np.arange(1, length + 1, dtype=np.float64) ** -power
