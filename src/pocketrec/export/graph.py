"""The on-device signatures, as torch modules of static shapes (batch 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..device import Shapes
from ..encoding import Feature
from ..models.recommender import RecommenderModel
from ..schema import PADDING, Signature
from .top import best_items


class RecommendGraph(nn.Module):
    """item_id (1, L), blocked (1, N), user_vector (1, D) -> ids (1, K), scores (1, K).

    Padding, `blocked` and (with `exclude_seen`) the history itself get the score MASKED.
    """

    def __init__(self, model: RecommenderModel, shapes: Shapes, *, exclude_seen: bool) -> None:
        super().__init__()
        self.model = model
        self.shapes = shapes
        self.exclude_seen = exclude_seen

    def forward(
        self, item_id: Tensor, blocked: Tensor, user_vector: Tensor, **rows: Tensor
    ) -> dict[str, Tensor]:
        """One user's list, best first; `rows` of features, (1, L, M) or (1, M), by input."""
        user = self.model.user_vector(item_id, rows) + user_vector
        worth = self.model.worth(user, item_id)
        hidden = torch.cat([item_id, blocked], -1) if self.exclude_seen else blocked
        # The first hidden slot is padding itself, which no list may hold.
        hidden = torch.cat([torch.full_like(blocked[:, :1], PADDING), hidden], -1)
        ids, best = best_items(worth, hidden, self.shapes.results)
        return {Signature.IDS: ids, Signature.SCORES: self.model.score_of(best)}


class ScoreGraph(nn.Module):
    """item_id (1, L), user_vector (1, D), candidates (1, C) -> scores (1, C).

    The candidates' rows times the user, whatever the size of the catalogue. With followers scores
    are probabilities, of all items together: these are the very ones that `recommend` ranks.
    """

    def __init__(self, model: RecommenderModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, item_id: Tensor, user_vector: Tensor, candidates: Tensor, **rows: Tensor
    ) -> dict[str, Tensor]:
        """One user's scores of given items."""
        user = self.model.user_vector(item_id, rows) + user_vector
        if self.model.followers is None:
            return {Signature.SCORES: self.model.logits_of(user, candidates)}
        worth = torch.gather(self.model.worth(user, item_id), 1, candidates.to(torch.int64))
        return {Signature.SCORES: self.model.score_of(worth)}


class AdaptGraph(nn.Module):
    """One step of learning: user_vector (1, D), candidates and target (1, C), learning_rate (1, 1)
    -> user_vector (1, D).

    u' = u + learning_rate * sum over candidates i of target(i) * (e(i) - mean) A

    where e(i) is the item's row of the table, the mean is that of all items, and A (D, D) has been
    fitted to make users' next items likelier (`training/adaptation.py`). No history is needed, and
    the cost depends neither on it nor on the catalogue.
    """

    mean: Tensor

    def __init__(self, model: RecommenderModel, adaptation: Tensor) -> None:
        super().__init__()
        self.table = model.items.table
        self.register_buffer("mean", model.table[PADDING + 1 :].detach().mean(0, keepdim=True))
        self.adaptation = nn.Linear(len(adaptation), len(adaptation), bias=False)
        self.adaptation.weight.data.copy_(adaptation.T)

    def forward(
        self, user_vector: Tensor, candidates: Tensor, target: Tensor, learning_rate: Tensor
    ) -> dict[str, Tensor]:
        """The user's vector after one step; candidates whose target is 0 teach nothing."""
        named = torch.matmul(target.unsqueeze(1), self.table(candidates)).squeeze(1)  # (1, D)
        step = self.adaptation(named - target.sum(-1, keepdim=True) * self.mean)
        return {Signature.USER_VECTOR: user_vector + learning_rate * step}


def example_inputs(shapes: Shapes, features: Sequence[Feature] = ()) -> dict[str, Tensor]:
    """One valid value of every input tensor, by name: an empty history."""
    return {
        Signature.ITEM_ID: torch.zeros(1, shapes.length, dtype=torch.int32),
        Signature.BLOCKED: torch.zeros(1, shapes.blocked, dtype=torch.int32),
        Signature.USER_VECTOR: torch.zeros(1, shapes.dim),
        Signature.CANDIDATES: torch.zeros(1, shapes.candidates, dtype=torch.int32),
        Signature.TARGET: torch.zeros(1, shapes.candidates),
        Signature.LEARNING_RATE: torch.zeros(1, 1),
        **{f.input: torch.zeros(shapes.rows(f), dtype=torch.int32) for f in features},
    }
