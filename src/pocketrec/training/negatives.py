"""Items sampled to stand for all others, and the few items that a step of training then sees.

All draws are made on the CPU, of a generator that may be given (else torch's own), so that
workers who are given equal ones draw the same items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampled:
    """Sampled items, the same ones for all labels of a step."""

    item_id: Tensor
    """(n,) in 1..V, with repetitions."""
    log_expected: Tensor
    """(n,) log of how often each was to be expected among them."""


Sampler = Callable[[Tensor, torch.Generator | None], Sampled]
"""Samples for a step with these labels (N,)."""

FLATTEN = 0.75
"""Power of an item's count in the proposal, as in word2vec (Mikolov et al., 2013)."""


@dataclass(frozen=True)
class PopularitySampler:
    """Draws `count` items, each with a share of its training events to the power of FLATTEN.

    By the inverse of the cumulated shares (V,): a draw costs O(log V), and no pass over all items.
    """

    cumulated: Tensor
    log_shares: Tensor
    count: int

    @classmethod
    def of(cls, counts: Tensor, count: int) -> PopularitySampler:
        """From the training events (V,) of items 1..V, each at least 1."""
        cumulated = (counts.to(torch.float64) ** FLATTEN).cumsum(0)
        shares = torch.diff(cumulated, prepend=cumulated.new_zeros(1)) / cumulated[-1]
        return cls(cumulated / cumulated[-1], shares.log().to(torch.float32), count)

    def __call__(self, labels: Tensor, generator: torch.Generator | None = None) -> Sampled:
        """The labels do not matter."""
        places = torch.rand(self.count, dtype=torch.float64, generator=generator)
        index = torch.searchsorted(self.cumulated, places, right=True)
        index = index.clamp_(max=len(self.cumulated) - 1)
        expected = self.log_shares[index] + math.log(self.count)
        return Sampled((index + 1).to(labels.device), expected.to(labels.device))


@dataclass(frozen=True)
class UniformSampler:
    """Draws `count` of `items` items, all alike."""

    items: int
    count: int

    def __call__(self, labels: Tensor, generator: torch.Generator | None = None) -> Sampled:
        """The labels do not matter."""
        sampled = torch.randint(1, self.items + 1, (self.count,), generator=generator)
        expected = torch.full((self.count,), math.log(self.count / self.items))
        return Sampled(sampled.to(labels.device), expected.to(labels.device))


@dataclass(frozen=True)
class InBatchSampler:
    """Takes the labels themselves, which come as often as they are popular: shares (V,)."""

    log_shares: Tensor

    @classmethod
    def of(cls, counts: Tensor) -> InBatchSampler:
        """From the training events (V,) of items 1..V, each at least 1."""
        return cls((counts / counts.sum()).log())

    def __call__(self, labels: Tensor, generator: torch.Generator | None = None) -> Sampled:
        """Nothing is left to chance."""
        expected = self.log_shares[labels.cpu() - 1] + math.log(len(labels))
        return Sampled(labels, expected.to(labels.device))


def small_catalogue(*items: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The items of some tensors as a catalogue of their own: index 0, padding, then those in use.

    Gives their indices in the large one, rising (n + 1,), and the tensors in indices of the small
    one, of their old types: a step that sees nothing else costs the same whatever V is.
    """
    flat = [part.flatten().to(torch.int64) for part in items]
    chosen, places = torch.unique(torch.cat([flat[0].new_zeros(1), *flat]), return_inverse=True)
    parts = places[1:].split([len(part) for part in flat])
    renamed = [new.view_as(old).to(old.dtype) for new, old in zip(parts, items, strict=True)]
    return chosen, renamed
