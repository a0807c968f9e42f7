"""Scores of users for all items, computed a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cells:
    """Single scores that replace computed ones: users, items (from 0) and scores, each (E,).

    Sorted by item, so that those of a block are contiguous.
    """

    users: Tensor
    items: Tensor
    scores: Tensor

    @classmethod
    def of(cls, users: Tensor, items: Tensor, scores: Tensor) -> Cells:
        """From cells in any order, each at most once."""
        order = torch.argsort(items, stable=True)
        return cls(users[order], items[order], scores[order])

    def write(self, block: Tensor, first: int) -> None:
        """Overwrite their scores in a block (B, v) whose items begin at `first`."""
        # Sorted by item, so a block's cells are one slice, found by binary search.
        bounds = torch.tensor([first, first + block.shape[1]])
        begin, end = torch.searchsorted(self.items, bounds).tolist()
        if begin < end:
            users, items = self.users[begin:end], self.items[begin:end]
            block[users, items - first] = self.scores[begin:end]


@dataclass(frozen=True)
class Products:
    """Scores (B, V): users (B, D) times items (V, D), except for `cells`."""

    users: Tensor
    items: Tensor
    cells: Cells | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """B and V."""
        return len(self.users), len(self.items)

    def of(self, items: Tensor) -> Tensor:
        """The score of one item (from 0) for each user: (B,) -> (B,)."""
        scores = (self.users * self.items[items]).sum(1)
        if self.cells is not None:
            wanted = self.cells.items == items[self.cells.users]
            scores[self.cells.users[wanted]] = self.cells.scores[wanted]
        return scores

    def block(self, first: int, last: int) -> Tensor:
        """Scores of items `first` to `last` - 1, from 0: a new tensor (B, last - first)."""
        block = self.users @ self.items[first:last].T
        if self.cells is not None:
            self.cells.write(block, first)
        return block
