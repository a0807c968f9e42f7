"""Items sampled to represent all others, and the small catalogue that a training step then sees.

Items are sampled on the CPU, with the caller's generator or else torch's default one. Workers with
equal generators sample the same items.
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
    """(n,) log of the expected count of each item among them."""


Sampler = Callable[[Tensor, torch.Generator | None], Sampled]
"""(labels (N,), generator) -> the sampled items of a step."""

FLATTEN = 0.75
"""An item is sampled by its count to this power, as in word2vec (Mikolov et al., 2013)."""


@dataclass(frozen=True)
class PopularitySampler:
    """Samples `count` items, each in proportion to its training events to the power of FLATTEN.

    Looks random numbers up in the cumulated shares (V,), so that a sample costs O(log V) and no
    pass over all items.
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
        """Sampled items, whatever the labels are."""
        places = torch.rand(self.count, dtype=torch.float64, generator=generator)
        index = torch.searchsorted(self.cumulated, places, right=True)
        index = index.clamp_(max=len(self.cumulated) - 1)
        expected = self.log_shares[index] + math.log(self.count)
        return Sampled((index + 1).to(labels.device), expected.to(labels.device))


@dataclass(frozen=True)
class UniformSampler:
    """Samples `count` of `items` items uniformly."""

    items: int
    count: int

    def __call__(self, labels: Tensor, generator: torch.Generator | None = None) -> Sampled:
        """Sampled items, whatever the labels are."""
        sampled = torch.randint(1, self.items + 1, (self.count,), generator=generator)
        expected = torch.full((self.count,), math.log(self.count / self.items))
        return Sampled(sampled.to(labels.device), expected.to(labels.device))


@dataclass(frozen=True)
class InBatchSampler:
    """Uses the batch's labels as sampled items: they occur by their shares (V,) of all events."""

    log_shares: Tensor

    @classmethod
    def of(cls, counts: Tensor) -> InBatchSampler:
        """From the training events (V,) of items 1..V, each at least 1."""
        return cls((counts / counts.sum()).log())

    def __call__(self, labels: Tensor, generator: torch.Generator | None = None) -> Sampled:
        """The labels themselves; the generator is not used."""
        expected = self.log_shares[labels.cpu() - 1] + math.log(len(labels))
        return Sampled(labels, expected.to(labels.device))


def small_catalogue(*items: Tensor) -> tuple[Tensor, list[Tensor]]:
    """A small catalogue of the items in some tensors: index 0 is padding, then come those items.

    Returns the items' indices in the large catalogue, ascending (n + 1,), and the tensors with
    indices of the small one, in their old types. A step that uses only these costs the same
    whatever V is.
    """
    flat = [part.flatten().to(torch.int64) for part in items]
    chosen, places = torch.unique(torch.cat([flat[0].new_zeros(1), *flat]), return_inverse=True)
    parts = places[1:].split([len(part) for part in flat])
    renamed = [new.view_as(old).to(old.dtype) for new, old in zip(parts, items, strict=True)]
    return chosen, renamed
