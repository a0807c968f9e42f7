"""Causal convolutions over the newest events."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, split_state


class ConvolutionalEncoder(Encoder):
    """Residual causal convolutions, each reaching twice as far back as the one before.

    Yuan et al., 2019, NextItNet. A convolution is written as one matrix product over the
    concatenated events that it sees, so that the quantizer treats it like every other layer.
    """

    name = "cnn"
    defaults: ClassVar = {"layers": 4, "kernel_size": 3, "max_length": 200}

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.dim = config.dim
        self.kernel_size = config.value("kernel_size")
        layers = config.value("layers")
        self.backs = [(self.kernel_size - 1) * 2**depth for depth in range(layers)]
        self.norms = nn.ModuleList(
            nn.LayerNorm(config.dim, elementwise_affine=False) for _ in range(layers)
        )
        self.convolutions = nn.ModuleList(
            nn.Linear(self.kernel_size * config.dim, config.dim) for _ in range(layers)
        )
        self.outputs = nn.ModuleList(nn.Linear(config.dim, config.dim) for _ in range(layers))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        for depth, back in enumerate(self.backs):
            # All padding of the convolution goes before the first event: that makes it causal.
            x = self._convolve(depth, x, F.pad(self.norms[depth](x), (0, 0, back, 0)))
        return x

    @property
    def state_width(self) -> int | None:
        """The normed inputs that each layer still looks back at."""
        return self.dim * sum(self.backs) or None

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S), (B, D) -> (B, S), (B, D)."""
        x, after = x.unsqueeze(1), []
        pasts = split_state(state, (back * self.dim for back in self.backs))
        for depth, past in enumerate(pasts):
            seen = torch.cat([past.view(len(x), -1, self.dim), self.norms[depth](x)], 1)
            after.append(seen[:, 1:].flatten(1))  # the oldest event leaves the window
            x = self._convolve(depth, x, seen)
        return torch.cat(after, -1), x.squeeze(1)

    def _convolve(self, depth: int, x: Tensor, seen: Tensor) -> Tensor:
        """One layer: x (B, L, D), and seen (B, back + L, D), its events and those before them."""
        dilation, length = 2**depth, x.shape[1]
        offsets = range(0, self.kernel_size * dilation, dilation)
        window = torch.cat([seen[:, offset : offset + length] for offset in offsets], -1)
        hidden = F.gelu(self.convolutions[depth](window), approximate="tanh")
        output: Tensor = x + self.dropout(self.outputs[depth](hidden))
        return output
