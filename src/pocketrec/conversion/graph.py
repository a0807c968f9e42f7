"""The on-device signatures, as torch modules of static shapes (batch 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..bundle.contract import GraphSpec
from ..models.recommender import RecommenderModel
from ..schema import PADDING, Signature
from ..tflite.inspect import SignatureSpec
from .top import best_items


class RecommendGraph(nn.Module):
    """item_id (1, L), blocked (1, N), user_vector (1, D) -> ids (1, K), scores (1, K).

    Padding, `blocked` and (with `exclude_seen`) the history itself get the score MASKED.
    """

    def __init__(self, model: RecommenderModel, spec: GraphSpec) -> None:
        super().__init__()
        self.model = model
        self.spec = spec

    def forward(
        self, item_id: Tensor, blocked: Tensor, user_vector: Tensor, **rows: Tensor
    ) -> dict[str, Tensor]:
        """One user's list, best first; `rows` of features, (1, L, M) or (1, M), by input."""
        return self.ranked(self.model.user_vector(item_id, rows) + user_vector, item_id, blocked)

    def ranked(self, user: Tensor, item_id: Tensor, blocked: Tensor) -> dict[str, Tensor]:
        """The list of a user (1, D), best first."""
        scores = self.model.ranking_score(user, item_id)
        hidden = torch.cat([item_id, blocked], -1) if self.spec.exclude_seen else blocked
        # The first hidden slot is padding itself, which no list may hold.
        hidden = torch.cat([torch.full_like(blocked[:, :1], PADDING), hidden], -1)
        ids, best = best_items(scores, hidden, self.spec.shapes.results)
        return {Signature.IDS: ids, Signature.SCORES: self.model.scores_from(best)}


class StepGraph(nn.Module):
    """state (1, S) before the newest two events, and what RecommendGraph takes, of whose events'
    rows the newest two (1, 2, M) -> state (1, S) before the newest event, ids, scores (1, K).

    The same list, by one more event instead of L (docs/decisions/0018-step.md).
    """

    def __init__(self, recommend: RecommendGraph) -> None:
        super().__init__()
        self.recommend = recommend

    def forward(
        self,
        state: Tensor,
        item_id: Tensor,
        blocked: Tensor,
        user_vector: Tensor,
        **rows: Tensor,
    ) -> dict[str, Tensor]:
        """One user's next state, and list."""
        after, user = self.recommend.model.step(state, item_id, rows)
        ranked = self.recommend.ranked(user + user_vector, item_id, blocked)
        return {Signature.STATE: after, **ranked}


class ScoreGraph(nn.Module):
    """item_id (1, L), user_vector (1, D), candidates (1, C) -> scores (1, C).

    The candidates' rows times the user, whatever the size of the catalogue. With successors scores
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
        if self.model.successors is None:
            return {Signature.SCORES: self.model.logits_of(user, candidates)}
        scores = torch.gather(
            self.model.ranking_score(user, item_id), 1, candidates.to(torch.int64)
        )
        return {Signature.SCORES: self.model.scores_from(scores)}


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


def example_inputs(signature: SignatureSpec) -> dict[str, Tensor]:
    """One valid value of every input of a signature, by name: an empty history."""
    return {
        name: torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype))
        for name, spec in signature.inputs.items()
    }
