"""Recurrent encoders: LSTM and GRU."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import ModelConfig
from ..dropout import Dropout
from .base import Encoder, take_last


class RecurrentEncoder(Encoder):
    """A stack of LSTM or GRU layers (Hidasi et al., 2016, GRU4Rec), started at zero at each call.

    Training runs torch's own fused layers; the device runs `last`, the same recurrence written
    out step by step over the same weights, since no built-in operator of the runtime loops.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        layer = nn.LSTM if config.encoder == "lstm" else nn.GRU
        self.layers = nn.ModuleList(
            layer(config.dim, config.dim, batch_first=True) for _ in range(config.value("layers"))
        )
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(config.dim, config.dim)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        for layer in self.layers:
            x = self.dropout(layer(x)[0])
        output: Tensor = self.output(x)
        return output

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, D), unrolled."""
        for layer in cast(list[nn.RNNBase], list(self.layers)):
            x = _unroll(layer, x)
        output: Tensor = self.output(take_last(x, lengths))
        return output


def _unroll(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The recurrence of one layer, step by step: (B, L, D) -> (B, L, D)."""
    # All steps' input products at once: one matrix product instead of L.
    weight_in, weight_recurrent, bias_in, bias_recurrent = cast(list[Tensor], layer.all_weights[0])
    inputs = F.linear(x, weight_in, bias_in)
    step = _lstm_step if isinstance(layer, nn.LSTM) else _gru_step
    hidden = cell = torch.zeros_like(x[:, 0])
    states = []
    for i in range(x.shape[1]):
        recurrent = F.linear(hidden, weight_recurrent, bias_recurrent)
        hidden, cell = step(inputs[:, i], recurrent, hidden, cell)
        states.append(hidden)
    return torch.stack(states, 1)


def _lstm_step(inputs: Tensor, recurrent: Tensor, _: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    write, keep, new, show = (inputs + recurrent).chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(new)
    return torch.sigmoid(show) * torch.tanh(cell), cell


def _gru_step(
    inputs: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    width = hidden.shape[-1]
    gates = torch.sigmoid(inputs[:, : 2 * width] + recurrent[:, : 2 * width])
    reset, keep = gates.chunk(2, -1)
    new = torch.tanh(inputs[:, 2 * width :] + reset * recurrent[:, 2 * width :])
    return new + keep * (hidden - new), cell
