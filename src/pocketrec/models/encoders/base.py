"""What every user encoder is: a causal map of event vectors to user vectors."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Maps events (B, L, D) to the user's state after each of them (B, L, D).

    Histories are oldest first and padded at the END. State i depends on events 0..i alone, so one
    pass trains every position, and padding, which comes after all events, touches none.
    """

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States after every event: x (B, L, D), lengths (B,) -> (B, L, D).

        States at and beyond a row's length mean nothing.
        """
        raise NotImplementedError

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """State after the last event, as the device computes it: (B, L, D), (B,) -> (B, D).

        Equal to `forward(x, lengths)[b, lengths[b] - 1]`; with an empty history it is finite
        and means nothing. Encoders override it with something cheaper.
        """
        return take_last(self.forward(x, lengths), lengths)

    @property
    def state_width(self) -> int | None:
        """S, if so many numbers hold all that later states need of the past; None if none do."""
        return None

    def step(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """One more event: state (B, S), zeros before the first, x (B, D) -> (B, S), (B, D).

        The second is what `forward` gives after that event. Only where there is a `state_width`.
        """
        raise NotImplementedError


def take_last(states: Tensor, lengths: Tensor) -> Tensor:
    """Row lengths - 1 of each history, by a masked sum that every runtime has an op for.

    states (B, L, D), lengths (B,) -> (B, D); zeros for an empty history.
    """
    is_last = positions(states) == lengths.unsqueeze(-1) - 1
    return (states * is_last.unsqueeze(-1).to(states.dtype)).sum(1)


def parted(state: Tensor, widths: Iterable[int]) -> list[Tensor]:
    """A state (B, S) as parts of these widths, which the converter has no `split` for."""
    ends = [0, *accumulate(widths)]
    return [state[:, begin:end] for begin, end in pairwise(ends)]


def positions(x: Tensor) -> Tensor:
    """0..L-1 as int32 (1, L) for x (B, L, ...)."""
    return torch.arange(x.shape[1], dtype=torch.int32, device=x.device).unsqueeze(0)
