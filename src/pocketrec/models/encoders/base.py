"""What every user encoder is: a causal map of event vectors to user vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...config.model import ModelConfig


class Encoder(nn.Module):
    """Maps events (B, L, D) to the user's state after each of them (B, L, D).

    Histories are oldest first and padded at the END. State i depends on events 0..i alone, so one
    pass trains every position, and padding, which comes after all events, affects none.

    A subclass takes a ModelConfig, and declares `name` and `defaults` as literals: they are read
    from its source, before anything imports torch.
    """

    name: ClassVar[str] = ""
    """What `model.encoder` calls a built-in encoder; an encoder of your own needs no name."""
    defaults: ClassVar[Mapping[str, int]] = {}
    """The fields of [model] that the encoder reads, with their defaults, and `max_length`."""
    sees_order: ClassVar[bool] = True
    """Whether the order of events counts; a test holds the encoder to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States after every event: x (B, L, D), lengths (B,) -> (B, L, D).

        States at and beyond a row's length may hold anything.
        """
        raise NotImplementedError

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """State after the last event, as the device computes it: (B, L, D), (B,) -> (B, D).

        Equal to `forward(x, lengths)[b, lengths[b] - 1]`; with an empty history any finite
        numbers. Override it where the last state alone is cheaper, or where `forward` uses
        operators that the device does not have.
        """
        return take_last(self.forward(x, lengths), lengths)

    @classmethod
    def has_step(cls) -> bool:
        """Whether the encoder can go on from a state, and so overrides `step`."""
        return cls.step is not Encoder.step

    @property
    def state_width(self) -> int | None:
        """S, the size of a state that replaces all past events; None if there is no such state."""
        return None

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """One more event: state (B, S), zeros before the first, x (B, D) -> (B, S), (B, D).

        The second result is what `forward` gives after that event. Only with a `state_width`.
        """
        raise NotImplementedError


def take_last(states: Tensor, lengths: Tensor) -> Tensor:
    """Row lengths - 1 of each history: states (B, L, D), lengths (B,) -> (B, D).

    Zeros for an empty history.
    """
    # A masked sum, because every runtime has operators for it, and because indexing by -1, which
    # an empty history would do, takes the last row.
    is_last = positions(states) == lengths.unsqueeze(-1) - 1
    return (states * is_last.unsqueeze(-1).to(states.dtype)).sum(1)


def split_state(state: Tensor, widths: Iterable[int]) -> list[Tensor]:
    """A state (B, S) as parts of these widths."""
    # Slices, because the converter has no operator for torch.split.
    ends = [0, *accumulate(widths)]
    return [state[:, begin:end] for begin, end in pairwise(ends)]


def positions(x: Tensor) -> Tensor:
    """0..L-1 as int32 (1, L) for x (B, L, ...)."""
    # int32 like the device's inputs, so that no graph needs a cast to compare them.
    return torch.arange(x.shape[1], dtype=torch.int32, device=x.device).unsqueeze(0)
