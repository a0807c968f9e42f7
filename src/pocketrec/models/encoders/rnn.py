"""Recurrent encoders: LSTM and GRU."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, split_state, take_last


class RecurrentEncoder(Encoder):
    """A stack of LSTM or GRU layers (Hidasi et al., 2016, GRU4Rec), starting from zeros.

    Training runs torch's fused layers; the device runs `last`, the same recurrence over the same
    weights, unrolled step by step, because the runtime has no built-in operator for a loop.
    """

    cell: ClassVar[type[nn.LSTM] | type[nn.GRU]]
    """The torch layer that is stacked."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(
            self.cell(config.dim, config.dim, batch_first=True)
            for _ in range(config.value("layers"))
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
        """D for each layer's hidden state, and D for the cell of an LSTM layer."""
        return sum(layer.hidden_size * _states_of(layer) for layer in self._layers)

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S), (B, D) -> (B, S), (B, D)."""
        width, after = x.shape[-1], []
        of_layers = split_state(state, (width * _states_of(layer) for layer in self._layers))
        for layer, before in zip(self._layers, of_layers, strict=True):
            states = split_state(before, [width] * _states_of(layer))
            states = _advance(layer, _inputs(layer, x), states)
            after += states
            x = states[0]
        return torch.cat(after, -1), self.output(x)

    @property
    def _layers(self) -> list[nn.RNNBase]:
        return cast(list[nn.RNNBase], list(self.layers))


# Both are unrolled in the exported graph, which costs operators for every event: L is 50.
class LstmEncoder(RecurrentEncoder):
    """Layers with a cell beside the hidden state."""

    name = "lstm"
    defaults: ClassVar = {"layers": 1, "max_length": 50}
    cell = nn.LSTM


class GruEncoder(RecurrentEncoder):
    """Layers with a hidden state alone: three gates instead of four."""

    name = "gru"
    defaults: ClassVar = {"layers": 1, "max_length": 50}
    cell = nn.GRU


def _unroll(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The recurrence of one layer, step by step: (B, L, D) -> (B, L, D)."""
    inputs = _inputs(layer, x)
    states = [torch.zeros_like(x[:, 0])] * _states_of(layer)
    hidden = []
    for i in range(x.shape[1]):
        states = _advance(layer, inputs[:, i], states)
        hidden.append(states[0])
    return torch.stack(hidden, 1)


def _states_of(layer: nn.RNNBase) -> int:
    """How many tensors (B, D) a layer carries on: an LSTM has a cell beside its hidden state."""
    return 2 if isinstance(layer, nn.LSTM) else 1


def _inputs(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """What the events add to the gates: (..., D) -> (..., gates * D)."""
    # One product for all steps instead of L: it does not depend on the recurrence.
    weight, _, bias, _ = cast(list[Tensor], layer.all_weights[0])
    return F.linear(x, weight, bias)


def _advance(layer: nn.RNNBase, inputs: Tensor, states: list[Tensor]) -> list[Tensor]:
    """The layer's states (B, D) after one more event, the hidden state first."""
    _, weight, _, bias = cast(list[Tensor], layer.all_weights[0])
    recurrent = F.linear(states[0], weight, bias)
    step = _lstm_step if isinstance(layer, nn.LSTM) else _gru_step
    return step(inputs, recurrent, *states)


def _lstm_step(inputs: Tensor, recurrent: Tensor, _: Tensor, cell: Tensor) -> list[Tensor]:
    # torch's order of the gates: input, forget, cell, output.
    write, keep, new, show = (inputs + recurrent).chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(new)
    return [torch.sigmoid(show) * torch.tanh(cell), cell]


def _gru_step(inputs: Tensor, recurrent: Tensor, hidden: Tensor) -> list[Tensor]:
    width = hidden.shape[-1]
    gates = torch.sigmoid(inputs[:, : 2 * width] + recurrent[:, : 2 * width])
    reset, keep = gates.chunk(2, -1)
    # torch resets the product with the hidden state, not the state itself, so the two halves of
    # the new gate stay apart until here.
    new = torch.tanh(inputs[:, 2 * width :] + reset * recurrent[:, 2 * width :])
    return [new + keep * (hidden - new)]
