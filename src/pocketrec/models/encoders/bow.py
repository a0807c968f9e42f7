"""Bag of words: the mean of all events so far, refined by a small network."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, positions


class BagOfWords(Encoder):
    """Running mean of event vectors, refined by residual two-layer parts.

    Ignores the order of events, like the averaged watches of Covington et al., 2016.
    """

    name = "bow"
    defaults: ClassVar = {"layers": 1, "feedforward": 4, "max_length": 200}
    sees_order = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.dim = config.dim
        width = config.dim * config.value("feedforward")
        self.parts = nn.ModuleList(
            nn.Sequential(
                # Without scale and offset, which the matrix that follows can learn.
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
        # Padding stands at the end, so no sum up to a real event contains any.
        return self._refine(torch.cumsum(x, 1) / (positions(x) + 1).unsqueeze(-1))

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, D): one mean instead of L."""
        valid = (positions(x) < lengths.unsqueeze(-1)).to(x.dtype)
        # An empty history divides zeros by 1.
        count = lengths.unsqueeze(-1).to(x.dtype).clamp(min=1)
        return self._refine((x * valid.unsqueeze(-1)).sum(1) / count)

    @property
    def state_width(self) -> int:
        """D for the mean, and 1 for the number of events in it."""
        return self.dim + 1

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D + 1), (B, D) -> (B, D + 1), (B, D)."""
        # At least 1, so that a state of any numbers, which a caller may pass, divides by no zero.
        mean, count = state[:, : self.dim], (state[:, self.dim :] + 1).clamp(min=1)
        mean = mean + (x - mean) / count
        return torch.cat([mean, count], -1), self._refine(mean)

    def _refine(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = x + part(x)
        return x
