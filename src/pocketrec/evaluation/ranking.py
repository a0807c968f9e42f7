"""Ranks and lists from scores, in one order of items: higher score first, then lower index.

Items that may not be recommended are in neither. Everything is counted one block of items at a
time, while the scores of the block are in the CPU cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DataError
from ..models.products import Cells

BLOCK = 2**19
"""Scores in one block (2 MB): few enough for the cache, enough to make the calls worthwhile."""


class Scores(Protocol):
    """Scores (B, V) of users for items 0..V-1; an item with -inf is never recommended."""

    @property
    def shape(self) -> tuple[int, int]:
        """B and V."""
        ...

    def of(self, items: Tensor) -> Tensor:
        """The score of one item for each user: (B,) -> (B,)."""
        ...

    def block(self, first: int, last: int) -> Tensor:
        """Scores of items first..last-1: (B, last - first), which the caller may change."""
        ...


@dataclass(frozen=True)
class DenseScores:
    """Scores (B, V) that are in memory already."""

    scores: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """B and V."""
        users, items = self.scores.shape
        return users, items

    def of(self, items: Tensor) -> Tensor:
        """See Scores."""
        return torch.from_numpy(self.scores[np.arange(len(items)), items.numpy()])

    def block(self, first: int, last: int) -> Tensor:
        """See Scores."""
        return torch.from_numpy(self.scores[:, first:last].copy())


def rank_scores(
    scores: Scores,
    histories: list[NDArray[np.int32]],
    targets: NDArray[np.int32],
    k: int,
    exclude_seen: bool,
    *,
    block_scores: int = BLOCK,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Ranks (B,) of the targets and the best k items (B, k), from scores (B, V).

    rank = 1 + items with a higher score + items with an equal score and a lower index, counted
    over the items that may be recommended: not seen (if `exclude_seen`), not -inf. So a scorer
    that gives all items one score gets the order of the catalogue and no credit for ties, and
    rank <= k exactly if the target is among the best k. A target that is 0, seen or -inf has rank
    V + 1. `block_scores` is how many scores are held at once, which changes the speed only. Raises
    DataError for NaN and for indices outside of the catalogue.
    """
    users, item_count = scores.shape
    if len(targets) and not 0 <= targets.min() <= targets.max() <= item_count:
        raise DataError(f"a target is not one of the catalogue's items, 1 to {item_count}")
    everybody = torch.arange(users)
    target = torch.from_numpy(np.maximum(targets, 1).astype(np.int64) - 1)
    target_score = scores.of(target)
    # The product of a single row may differ from that of a block in the last bit. Write this one
    # into every block, so that a target ties with itself.
    target_cells = Cells.of(everybody, target, target_score)
    reachable = torch.from_numpy(targets > 0) & (target_score > -torch.inf)
    seen = _seen(histories, item_count, target_score.dtype) if exclude_seen else None
    if seen is not None:
        reachable[seen.users[seen.items == target[seen.users]]] = False
    ahead = torch.zeros(users, dtype=torch.int64)
    below = torch.nextafter(target_score, target_score.new_tensor(-torch.inf))
    best = _TopK(users, k, target_score.dtype)
    width = max(1, min(block_scores // max(1, users), item_count))
    buffer = target_score.new_empty(users, width)  # numbers are summed faster than booleans
    for first in range(0, item_count, width):
        last = min(first + width, item_count)
        block = scores.block(first, last)  # (B, v)
        target_cells.write(block, first)
        highest = block.amax(1)
        if highest.isnan().any():
            raise DataError("the model returned scores that are not numbers (NaN): train it again")
        if seen is not None:
            seen.write(block, first)
        # Equal scores are ahead of the target only if their index is lower. In blocks before the
        # target they all count, so anything above `below` is ahead.
        least = torch.where(target >= last, below, target_score)
        above = torch.gt(block, least.unsqueeze(1), out=buffer[:, : last - first])
        ahead += above.sum(1).long()
        inside = torch.nonzero((target >= first) & (target < last)).squeeze(1)
        equal = block[inside] == target_score[inside].unsqueeze(1)
        earlier = torch.arange(first, last) < target[inside].unsqueeze(1)
        ahead[inside] += (equal & earlier).sum(1)
        best.add(block, first, highest)
    ranks = torch.where(reachable, 1 + ahead, item_count + 1)
    return ranks.numpy(), best.items.to(torch.int32).numpy()


def _seen(histories: list[NDArray[np.int32]], item_count: int, dtype: torch.dtype) -> Cells:
    """The cells of items that users have seen, with a score of -inf."""
    items = np.concatenate([np.empty(0, np.int32), *histories])
    users = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    if len(items) and not 0 <= items.min() <= items.max() <= item_count:
        raise DataError(f"a history holds items outside of the catalogue's 1 to {item_count}")
    known = items > 0
    places = torch.from_numpy(users[known]), torch.from_numpy(items[known].astype(np.int64) - 1)
    return Cells.of(*places, torch.full((int(known.sum()),), -torch.inf, dtype=dtype))


class _TopK:
    """The best k items of each user so far: `items` (B, k) from 1, best first, then 0."""

    def __init__(self, users: int, k: int, dtype: torch.dtype) -> None:
        self.k = k
        self.scores = torch.full((users, k), -torch.inf, dtype=dtype)
        self.items = torch.zeros((users, k), dtype=torch.int64)

    def add(self, block: Tensor, first: int, highest: Tensor) -> None:
        """Merge a block (B, v) of later items, whose highest scores are `highest` (B,)."""
        users = torch.nonzero(highest > self.scores[:, -1]).squeeze(1)
        if not len(users):
            return
        block, last = block[users], self.scores[users, -1]
        least = torch.nextafter(
            last, last.new_tensor(torch.inf)
        )  # ties lose: their index is higher
        if block.shape[1] > self.k and (last == -torch.inf).any():
            least = torch.maximum(least, torch.topk(block, self.k).values[:, -1])
        row, column = torch.nonzero(block >= least.unsqueeze(1), as_tuple=True)
        counts = torch.bincount(row, minlength=len(users))
        place = torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]
        width = int(counts.max())
        scores = torch.cat([self.scores[users], block.new_full((len(users), width), -torch.inf)], 1)
        items = torch.cat([self.items[users], torch.zeros((len(users), width)).long()], 1)
        scores[row, self.k + place] = block[row, column]
        items[row, self.k + place] = first + column + 1
        # Earlier items stand in front and a block is in order, so a stable sort keeps, of equal
        # scores, the lower index.
        order = torch.sort(scores, dim=1, descending=True, stable=True).indices[:, : self.k]
        self.scores[users] = scores.gather(1, order)
        self.items[users] = items.gather(1, order)
