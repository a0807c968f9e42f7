"""Causal convolutions over the newest events."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import ModelConfig
from ..dropout import Dropout
from .base import Encoder


class ConvolutionalEncoder(Encoder):
    """Residual causal convolutions, each looking twice as far back (Yuan et al., 2019, NextItNet).

    A convolution is written as one matrix product over the concatenated events it sees, so that
    the quantizer treats it like every other layer.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.kernel_size = config.value("kernel_size")
        layers = config.value("layers")
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
        for depth, (norm, convolution, output) in enumerate(
            zip(self.norms, self.convolutions, self.outputs, strict=True)
        ):
            window = _window(norm(x), self.kernel_size, 2**depth)
            hidden = F.gelu(convolution(window), approximate="tanh")
            x = x + self.dropout(output(hidden))
        return x


def _window(x: Tensor, size: int, dilation: int) -> Tensor:
    """Each event beside the size - 1 events `dilation` apart before it: -> (B, L, size * D)."""
    length = x.shape[1]
    back = (size - 1) * dilation
    padded = F.pad(x, (0, 0, back, 0))
    return torch.cat([padded[:, i * dilation : i * dilation + length] for i in range(size)], -1)
