"""A torch model as a scorer: whole histories in, a score for every item out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from ..schema import FeatureRows
from .products import Cells, Products
from .recommender import RecommenderModel, lengths_of

EVENTS = 2**11
"""Events, padding included, of which states are computed at once: they stay in the cache."""
BLOCK = 2**13
"""Items whose logits are summed at once."""


class ModelScorer:
    """Scores users the way training does, all positions at once, and not the way devices do.

    So comparing the two is a real test of the exported graph. The model as it is now: one that is
    trained on needs another scorer.
    """

    def __init__(self, model: RecommenderModel) -> None:
        self.model = model.eval()
        self.table = model.table.detach()  # once: with attributes it is a sum over all items

    def __call__(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None = None
    ) -> npt.NDArray[np.float32]:
        """Histories (B lists of item indices, oldest first, any length) -> scores (B, V).

        `features` are rows by input: of each history's events (n, M), of its user (M,).
        """
        with torch.inference_mode():
            users, item_id = self._users(histories, features)
            scores = self.model.scores(users, item_id)[:, 1:]
        found: npt.NDArray[np.float32] = scores.cpu().numpy()
        return found

    def products(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None = None
    ) -> Products:
        """The same order of items as products, (B, V) of them: none is made yet.

        With successors these are logits too, but for the items that the newest events vote for: of
        a probability p, log p + logsumexp(logits) - log(1 - share), which is the logit itself
        where there is no vote.
        """
        model = self.model
        with torch.no_grad():
            users, item_id = self._users(histories, features)
            users = (users / model.config.temperature).cpu()
            # Wherever the model is, ranks are counted on the CPU.
            found = Products(users, self.table[1:].cpu())
            if model.successors is None:
                return found
            items, votes = model.successors.votes(item_id, lengths_of(item_id))  # (B, R * F)
            cells = self._voted(found, model.successors.share, items.cpu(), votes.cpu())
            return replace(found, cells=cells)

    def _users(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """User vectors (B, D) of histories, and their items (B, L)."""
        item_id = torch.from_numpy(pad_histories(histories, self.model.max_length))
        item_id = item_id.to(self.model.device)
        rows = self._rows(features, item_id.shape[1]) if features else {}
        step = max(1, EVENTS // item_id.shape[1])
        parts = [slice(first, first + step) for first in range(0, len(histories), step)]
        users = [
            self._vectors(item_id[part], {name: of[part] for name, of in rows.items()})
            for part in parts
        ]
        return torch.cat(users), item_id

    def _vectors(self, item_id: torch.Tensor, rows: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of a few users: item_id (B, L) -> (B, D)."""
        lengths = lengths_of(item_id)
        states = self.model.states(item_id, rows, self.table)
        every = torch.arange(len(item_id), device=item_id.device)
        users = states[every, (lengths - 1).clamp(min=0)]
        return torch.where((lengths > 0).unsqueeze(1), users, self.model.cold_starts(item_id, rows))

    @staticmethod
    def _voted(found: Products, share: float, items: torch.Tensor, votes: torch.Tensor) -> Cells:
        """What the items have that a user's newest events vote for."""
        total = torch.zeros(len(found.users))  # the logit of padding, which has a share as well
        for first in range(0, len(found.items), BLOCK):
            block = found.block(first, first + BLOCK)
            total = torch.logaddexp(total, block.logsumexp(1))
        user, place = torch.nonzero(votes, as_tuple=True)
        width = len(found.items) + 1
        cells, index = torch.unique(user * width + items[user, place], return_inverse=True)
        summed = votes.new_zeros(len(cells)).index_add_(0, index, votes[user, place])
        user, item = cells // width, cells % width - 1
        logit = (found.users[user] * found.items[item]).sum(1)
        odds = share / (1 - share)
        voted = torch.log(summed * odds) + total[user]
        return Cells.of(user, item, torch.logaddexp(logit, voted))

    def _rows(self, features: list[FeatureRows], width: int) -> dict[str, torch.Tensor]:
        """One tensor an input, events padded as the histories are."""
        found = {}
        for feature in self.model.features:
            rows = np.zeros((len(features), *feature.shape(width)), np.int32)
            for user, told in enumerate(features):
                if feature.input in told:
                    newest = told[feature.input][-self.model.max_length :]
                    rows[user, : len(newest)] = newest
            found[feature.input] = torch.from_numpy(rows).to(self.model.device)
        return found


def pad_histories(histories: list[npt.NDArray[np.int32]], max_length: int) -> npt.NDArray[np.int32]:
    """The newest `max_length` events of each, padded at the end with 0: (B, longest of them)."""
    newest = [history[-max_length:] for history in histories]
    width = max([1, *map(len, newest)])
    padded = np.zeros((len(newest), width), np.int32)
    for row, history in enumerate(newest):
        padded[row, : len(history)] = history
    return padded
