"""Recurrent encoders: LSTM and GRU."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, parted, take_last


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
        for layer in self._layers:
            x = _unroll(layer, x)
        output: Tensor = self.output(take_last(x, lengths))
        return output

    @property
    def state_width(self) -> int:
        """Each layer's hidden state, and of an LSTM its cell."""
        return sum(layer.hidden_size * _parts(layer) for layer in self._layers)

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S), (B, D) -> (B, S), (B, D)."""
        width, after = x.shape[-1], []
        layers = parted(state, (width * _parts(layer) for layer in self._layers))
        for layer, before in zip(self._layers, layers, strict=True):
            states = parted(before, [width] * _parts(layer))
            states = _advance(layer, _inputs(layer, x), states)
            after += states
            x = states[0]
        return torch.cat(after, -1), self.output(x)

    @property
    def _layers(self) -> list[nn.RNNBase]:
        return cast(list[nn.RNNBase], list(self.layers))


def _unroll(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The recurrence of one layer, step by step: (B, L, D) -> (B, L, D)."""
    inputs = _inputs(layer, x)
    states = [torch.zeros_like(x[:, 0])] * _parts(layer)
    hidden = []
    for i in range(x.shape[1]):
        states = _advance(layer, inputs[:, i], states)
        hidden.append(states[0])
    return torch.stack(hidden, 1)


def _parts(layer: nn.RNNBase) -> int:
    """Of a layer's state: an LSTM has its cell beside the hidden state."""
    return 2 if isinstance(layer, nn.LSTM) else 1


def _inputs(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The input product, of all steps at once where there are several: one instead of L."""
    weight, _, bias, _ = cast(list[Tensor], layer.all_weights[0])
    return F.linear(x, weight, bias)


def _advance(layer: nn.RNNBase, inputs: Tensor, states: list[Tensor]) -> list[Tensor]:
    """The layer's states (B, D) after one more event, the hidden one first."""
    _, weight, _, bias = cast(list[Tensor], layer.all_weights[0])
    recurrent = F.linear(states[0], weight, bias)
    step = _lstm_step if isinstance(layer, nn.LSTM) else _gru_step
    return step(inputs, recurrent, *states)


def _lstm_step(inputs: Tensor, recurrent: Tensor, _: Tensor, cell: Tensor) -> list[Tensor]:
    write, keep, new, show = (inputs + recurrent).chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(new)
    return [torch.sigmoid(show) * torch.tanh(cell), cell]


def _gru_step(inputs: Tensor, recurrent: Tensor, hidden: Tensor) -> list[Tensor]:
    width = hidden.shape[-1]
    gates = torch.sigmoid(inputs[:, : 2 * width] + recurrent[:, : 2 * width])
    reset, keep = gates.chunk(2, -1)
    new = torch.tanh(inputs[:, 2 * width :] + reset * recurrent[:, 2 * width :])
    return [new + keep * (hidden - new)]
