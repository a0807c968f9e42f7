"""The one order of items, for ranks and for lists: higher score first, then lower index.

Items that may not be recommended are in neither. All is counted a block of items at a time, as
soon as the block's scores are made and while they are in the cache.
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
"""Scores made at once (2 MB): what stays in a cache, and is worth the calls."""


class Scores(Protocol):
    """Scores (B, V) of users for items 0..V-1; -inf is never recommended."""

    @property
    def shape(self) -> tuple[int, int]:
        """B and V."""
        ...

    def of(self, items: Tensor) -> Tensor:
        """The score of one item for each user: (B,) -> (B,)."""
        ...

    def block(self, first: int, last: int) -> Tensor:
        """Of the items from `first` to before `last`: (B, last - first), the caller's to change."""
        ...


@dataclass(frozen=True)
class DenseScores:
    """Scores that exist already: (B, V)."""

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
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Ranks (B,) of the targets and the best k items (B, k), from scores (B, V).

    rank = 1 + items with a higher score + items with an equal score and a lower index, counted
    over the items that may be recommended: not seen (if `exclude_seen`), not -inf. So a scorer
    that gives all items one score gets the order of the catalogue and no credit for ties, and
    rank <= k exactly if the target is among the best k. A target that is 0, seen or -inf has rank
    V + 1. Raises DataError for NaN and for indices outside of the catalogue.
    """
    users, item_count = scores.shape
    if len(targets) and not 0 <= targets.min() <= targets.max() <= item_count:
        raise DataError(f"a target is not one of the catalogue's items, 1 to {item_count}")
    everybody = torch.arange(users)
    target = torch.from_numpy(np.maximum(targets, 1).astype(np.int64) - 1)
    own = scores.of(target)
    # A product of one row is not to the last bit that of a block: everywhere it is this one.
    own_cells = Cells.of(everybody, target, own)
    reachable = torch.from_numpy(targets > 0) & (own > -torch.inf)
    seen = _seen(histories, item_count, own.dtype) if exclude_seen else None
    if seen is not None:
        reachable[seen.users[seen.items == target[seen.users]]] = False
    ahead = torch.zeros(users, dtype=torch.int64)
    below = torch.nextafter(own, own.new_tensor(-torch.inf))
    best = _Best(users, k, own.dtype)
    width = max(1, min(BLOCK // max(1, users), item_count))
    buffer = own.new_empty(users, width)  # a comparison's result as numbers is summed the quickest
    for first in range(0, item_count, width):
        last = min(first + width, item_count)
        block = scores.block(first, last)  # (B, v)
        own_cells.write(block, first)
        highest = block.amax(1)
        if highest.isnan().any():
            raise DataError("the scores to be ranked are not numbers (NaN): the model is broken")
        if seen is not None:
            seen.write(block, first)
        # Of a block before the target equal scores are ahead of it, of one behind it they are not.
        least = torch.where(target >= last, below, own)
        above = torch.gt(block, least.unsqueeze(1), out=buffer[:, : last - first])
        ahead += above.sum(1).long()
        inside = torch.nonzero((target >= first) & (target < last)).squeeze(1)
        equal = block[inside] == own[inside].unsqueeze(1)
        earlier = torch.arange(first, last) < target[inside].unsqueeze(1)
        ahead[inside] += (equal & earlier).sum(1)
        best.add(block, first, highest)
    ranks = torch.where(reachable, 1 + ahead, item_count + 1)
    return ranks.numpy(), best.items.to(torch.int32).numpy()


def _seen(histories: list[NDArray[np.int32]], item_count: int, dtype: torch.dtype) -> Cells:
    """The cells of what users have seen, which nothing is behind."""
    items = np.concatenate([np.empty(0, np.int32), *histories])
    users = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    if len(items) and not 0 <= items.min() <= items.max() <= item_count:
        raise DataError(f"a history holds items outside of the catalogue's 1 to {item_count}")
    known = items > 0
    places = torch.from_numpy(users[known]), torch.from_numpy(items[known].astype(np.int64) - 1)
    return Cells.of(*places, torch.full((int(known.sum()),), -torch.inf, dtype=dtype))


class _Best:
    """The best k items of each user so far: `items` (B, k) from 1, best first, then 0."""

    def __init__(self, users: int, k: int, dtype: torch.dtype) -> None:
        self.k = k
        self.scores = torch.full((users, k), -torch.inf, dtype=dtype)
        self.items = torch.zeros((users, k), dtype=torch.int64)

    def add(self, block: Tensor, first: int, highest: Tensor) -> None:
        """Merge a block (B, v) of later items, none of which is above `highest` (B,)."""
        users = torch.nonzero(highest > self.scores[:, -1]).squeeze(1)
        if not len(users):
            return
        block, last = block[users], self.scores[users, -1]
        least = torch.nextafter(last, last.new_tensor(torch.inf))  # equal ones come too late
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
        # Those so far are in front, and of one block in order: ties go to the lower index.
        order = torch.sort(scores, dim=1, descending=True, stable=True).indices[:, : self.k]
        self.scores[users] = scores.gather(1, order)
        self.items[users] = items.gather(1, order)
