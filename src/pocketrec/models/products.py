"""Scores of users for all items, of which no more than a block exists at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cells:
    """Single scores that are known by themselves: (E,) users, items from 0, and scores each.

    In order of the items, so that those of a block lie together.
    """

    users: Tensor
    items: Tensor
    scores: Tensor

    @classmethod
    def of(cls, users: Tensor, items: Tensor, scores: Tensor) -> Cells:
        """Cells in any order, each at most once."""
        order = torch.argsort(items, stable=True)
        return cls(users[order], items[order], scores[order])

    def write(self, block: Tensor, first: int) -> None:
        """Put them into a block (B, v) of the scores, whose items begin at `first`."""
        bounds = torch.tensor([first, first + block.shape[1]])
        begin, end = torch.searchsorted(self.items, bounds).tolist()
        if begin < end:
            users, items = self.users[begin:end], self.items[begin:end]
            block[users, items - first] = self.scores[begin:end]


@dataclass(frozen=True)
class Products:
    """Scores (B, V): users (B, D) times items (V, D), but for some `cells` that are others."""

    users: Tensor
    items: Tensor
    cells: Cells | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """B and V."""
        return len(self.users), len(self.items)

    def of(self, items: Tensor) -> Tensor:
        """The score of one item, from 0, for each user: (B,) -> (B,)."""
        scores = (self.users * self.items[items]).sum(1)
        if self.cells is not None:
            asked = self.cells.items == items[self.cells.users]
            scores[self.cells.users[asked]] = self.cells.scores[asked]
        return scores

    def block(self, first: int, last: int) -> Tensor:
        """Of the items from `first` to before `last`, from 0: (B, last - first), made anew."""
        block = self.users @ self.items[first:last].T
        if self.cells is not None:
            self.cells.write(block, first)
        return block
