"""The on-device signatures, as torch modules with static shapes (batch 1)."""

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
        """One user's list, best first; `rows` are feature rows (1, L, M) or (1, M), by input."""
        return self.ranked(self.model.user_vector(item_id, rows) + user_vector, item_id, blocked)

    def ranked(self, user: Tensor, item_id: Tensor, blocked: Tensor) -> dict[str, Tensor]:
        """The list of a user (1, D), best first."""
        scores = self.model.ranking_score(user, item_id)
        masked = torch.cat([item_id, blocked], -1) if self.spec.exclude_seen else blocked
        # Mask padding itself too: even a full history without blocked items must not list it.
        masked = torch.cat([torch.full_like(blocked[:, :1], PADDING), masked], -1)
        ids, best = best_items(scores, masked, self.spec.shapes.results)
        return {Signature.IDS: ids, Signature.SCORES: self.model.scores_from(best)}


class StepGraph(nn.Module):
    """state (1, S), RecommendGraph's inputs -> state (1, S), ids (1, K), scores (1, K).

    Gives the same list as RecommendGraph, but processes one more event instead of L
    (docs/decisions/0018-step.md). The state that comes in is from before the newest two events;
    the one that goes out is from before the newest. Feature rows of events are those of the newest
    two: (1, 2, M).
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
        """One user's next state and list."""
        after, user = self.recommend.model.step(state, item_id, rows)
        ranked = self.recommend.ranked(user + user_vector, item_id, blocked)
        return {Signature.STATE: after, **ranked}


class ScoreGraph(nn.Module):
    """item_id (1, L), user_vector (1, D), candidates (1, C) -> scores (1, C).

    Multiplies only the candidates' rows with the user, so the cost does not depend on the size of
    the catalogue. With successors it does: scores are then probabilities over all items, the same
    that `recommend` ranks.
    """

    def __init__(self, model: RecommenderModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, item_id: Tensor, user_vector: Tensor, candidates: Tensor, **rows: Tensor
    ) -> dict[str, Tensor]:
        """One user's scores of the candidates."""
        user = self.model.user_vector(item_id, rows) + user_vector
        if self.model.successors is None:
            return {Signature.SCORES: self.model.logits_of(user, candidates)}
        scores = torch.gather(
            self.model.ranking_score(user, item_id), 1, candidates.to(torch.int64)
        )
        return {Signature.SCORES: self.model.scores_from(scores)}


class AdaptGraph(nn.Module):
    """user_vector (1, D), candidates and target (1, C), learning_rate (1, 1) -> user_vector (1, D).

    One step of learning on the device:

    u' = u + learning_rate * sum over candidates i of target(i) * (e(i) - mean) A

    where e(i) is the item's row of the table, mean is the mean row of all items, and A (D, D) is
    fitted to make users' next items more likely (`training/adaptation.py`). It needs no history,
    and its cost does not depend on the catalogue.
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
        """The user vector after one step; candidates with target 0 change nothing."""
        liked = torch.matmul(target.unsqueeze(1), self.table(candidates)).squeeze(1)  # (1, D)
        step = self.adaptation(liked - target.sum(-1, keepdim=True) * self.mean)
        return {Signature.USER_VECTOR: user_vector + learning_rate * step}


def example_inputs(signature: SignatureSpec) -> dict[str, Tensor]:
    """A valid value for every input of a signature, by name: that of an empty history."""
    return {
        name: torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype))
        for name, spec in signature.inputs.items()
    }
