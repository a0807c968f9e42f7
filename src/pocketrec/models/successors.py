"""Counted successors of items: a small term that is mixed into the encoder's output."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..preparation.training_sequences import Sequences
from ..preparation.transitions import (
    LAG_POWER,
    RECENCY_POWER,
    RECENT,
    STEPS,
    count_transitions,
    decay,
)
from ..schema import PADDING

RANK_POWER = 0.5
"""The j-th most frequent successor of an item gets a vote of j^-0.5. Chosen on validation users of
MovieLens 100K and 1M, where it is as good as the counts themselves, which would take bytes."""
SMALLEST = 1e-37
"""Lower limit of sums of votes and of probabilities: no division by zero, and logarithms stay far
above the score of a masked item."""


class Successors(nn.Module):
    """For each item, the F items that most often follow soon; the newest events vote for theirs.

    p(i) = (1 - share) * softmax(logits)(i) + share * votes(i), where votes(i) is proportional to
    the sum, over the newest 20 events and the places j of i among their successors, of
    1 / (how many events ago) * j^-0.5. Counted, not trained: the counts have seen every label, so
    a trained share would trust them too much (docs/decisions/0005-successors.md). D numbers cannot
    hold "this sequel comes next" for every item; a list of F indices can.
    """

    ids: Tensor

    def __init__(self, item_count: int, count: int, share: float) -> None:
        super().__init__()
        self.share = share
        # 16 bits where they can hold every index: two bytes per successor in the file.
        dtype = torch.int16 if item_count < 2**15 else torch.int32
        self.register_buffer("ids", torch.full((item_count + 1, count), PADDING, dtype=dtype))

    def count(self, sequences: Sequences, min_users: int = 1) -> None:
        """Fill the lists from training events: (V + 1, F), most frequent first, then 0.

        Successors that fewer than `min_users` users made are left out: they could identify them.
        """
        rows, width = self.ids.shape
        transitions = count_transitions(
            sequences,
            rows - 1,
            lag_weights=decay(STEPS, LAG_POWER),
            neighbours=width,
            min_users=min_users,
        )
        # From compressed rows to a padded table: `rank` counts from 0 in each row.
        sizes = np.diff(transitions.indptr)
        source = np.repeat(np.arange(rows), sizes)
        rank = np.arange(len(source)) - np.repeat(transitions.indptr[:-1], sizes)
        ids = np.zeros((rows, width), np.int64)
        ids[source, rank] = transitions.indices
        self.ids.copy_(torch.from_numpy(ids))

    def forward(self, logits: Tensor, item_id: Tensor, lengths: Tensor) -> Tensor:
        """Probabilities: logits (B, V + 1), item_id (B, L), lengths (B,) -> (B, V + 1)."""
        items, votes = self.votes(item_id, lengths)
        mixed = torch.softmax(logits, -1) * (1 - self.share)
        # Adds up votes for the same item, which several events may name.
        return torch.scatter_add(mixed, 1, items, votes * self.share)

    def votes(self, item_id: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The votes of the newest R events: items (B, R * F), and shares that sum to 1 (or 0)."""
        recent = min(RECENT, item_id.shape[1])
        ago = torch.arange(recent, dtype=torch.int32, device=item_id.device)
        index = lengths.unsqueeze(-1) - 1 - ago  # (B, R)
        # Before the first event the index is clamped and the item set to 0, padding, whose list
        # of successors is empty.
        newest = torch.gather(item_id, 1, index.clamp(min=0).to(torch.int64))
        newest = newest * (index >= 0).to(newest.dtype)
        successors = self.ids[newest].to(torch.int64)  # (B, R, F)
        weights = _weights(recent, self.ids.shape[1], successors.device)
        weights = weights * (successors != PADDING).to(torch.float32)
        weights = weights.flatten(1)
        return successors.flatten(1), weights / weights.sum(-1, keepdim=True).clamp(min=SMALLEST)


def _weights(recent: int, count: int, device: torch.device) -> Tensor:
    """Votes by events ago (rows) and rank among the successors (columns): (R, F)."""
    votes = np.outer(decay(recent, RECENCY_POWER), decay(count, RANK_POWER))
    return torch.as_tensor(votes.astype(np.float32), device=device)
