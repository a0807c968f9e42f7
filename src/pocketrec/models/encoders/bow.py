"""Bag of words: the mean of all events so far, then a small network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, positions


class BagOfWords(Encoder):
    """Running mean of event vectors, refined by residual two-layer parts.

    The order of events is not seen (Covington et al., 2016, average watches the same way).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dim = config.dim
        width = config.dim * config.value("feedforward")
        self.parts = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(config.dim, elementwise_affine=False),
                nn.Linear(config.dim, width),
                nn.GELU(approximate="tanh"),
                Dropout(config.dropout),
                nn.Linear(width, config.dim),
            )
            for _ in range(config.value("layers"))
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        return self._refine(torch.cumsum(x, 1) / (positions(x) + 1).unsqueeze(-1))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, D): one mean, not L of them."""
        valid = (positions(x) < lengths.unsqueeze(-1)).to(x.dtype)
        count = lengths.unsqueeze(-1).to(x.dtype).clamp(min=1)
        return self._refine((x * valid.unsqueeze(-1)).sum(1) / count)

    @property
    def state_width(self) -> int:
        """The mean so far, and of how many events."""
        return self.dim + 1

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D + 1), (B, D) -> (B, D + 1), (B, D)."""
        # Whatever state is given, nothing is divided by nothing.
        mean, count = state[:, : self.dim], (state[:, self.dim :] + 1).clamp(min=1)
        mean = mean + (x - mean) / count
        return torch.cat([mean, count], -1), self._refine(mean)

    def _refine(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = x + part(x)
        return x
