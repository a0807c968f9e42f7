"""A torch model as a scorer: from whole histories to a score for every item."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from ..schema import FeatureRows
from .products import Cells, Products
from .recommender import RecommenderModel, lengths_of

EVENTS = 2**11
"""Events, padding included, encoded at once, so that their states stay in the CPU's cache."""
BLOCK = 2**13
"""Items whose logits are summed up at once."""


class ModelScorer:
    """Scores users as training does, all positions at once, and not as the device does.

    So comparing the two tests the exported graph. It copies the item table: make a new scorer
    after further training.
    """

    def __init__(self, model: RecommenderModel, *, block_items: int = BLOCK) -> None:
        self.model = model.eval()
        self.block_items = block_items
        self.table = model.table.detach()  # once, because with attributes it is a sum for each item

    def __call__(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None = None
    ) -> npt.NDArray[np.float32]:
        """Histories (B lists of item indices, oldest first, any length) -> scores (B, V).

        `features` are rows by input: of the events of each history (n, M), of its user (M,).
        """
        with torch.inference_mode():
            users, item_id = self._users(histories, features)
            scores = self.model.scores(users, item_id)[:, 1:]
        result: npt.NDArray[np.float32] = scores.cpu().numpy()
        return result

    def products(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None = None
    ) -> Products:
        """Scores (B, V) with the same order of items, as a product that is not computed yet.

        With successors these are logits too, except for the items that the newest events vote for.
        """
        model = self.model
        with torch.no_grad():
            users, item_id = self._users(histories, features)
            users = (users / model.config.temperature).cpu()
            # Ranks are counted on the CPU, wherever the model is.
            products = Products(users, self.table[1:].cpu())
            if model.successors is None:
                return products
            items, votes = model.successors.votes(item_id, lengths_of(item_id))  # (B, R * F)
            cells = self._voted(products, model.successors.share, items.cpu(), votes.cpu())
            return replace(products, cells=cells)

    def _users(
        self, histories: list[npt.NDArray[np.int32]], features: list[FeatureRows] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """User vectors (B, D) of histories, and their item ids (B, L)."""
        item_id = torch.from_numpy(pad_histories(histories, self.model.max_length))
        item_id = item_id.to(self.model.device)
        rows = self._rows(features, item_id.shape[1]) if features else {}
        # In blocks of users; the blocks are shorter where histories are longer.
        step = max(1, EVENTS // item_id.shape[1])
        parts = [slice(first, first + step) for first in range(0, len(histories), step)]
        users = [
            self._vectors(item_id[part], {name: of[part] for name, of in rows.items()})
            for part in parts
        ]
        return torch.cat(users), item_id

    def _vectors(self, item_id: torch.Tensor, rows: dict[str, torch.Tensor]) -> torch.Tensor:
        """User vectors of one block: item_id (B, L) -> (B, D)."""
        lengths = lengths_of(item_id)
        states = self.model.states(item_id, rows, self.table)
        # The last state of each row; of an empty history any, which the next line replaces.
        row = torch.arange(len(item_id), device=item_id.device)
        users = states[row, (lengths - 1).clamp(min=0)]
        return torch.where((lengths > 0).unsqueeze(1), users, self.model.cold_starts(item_id, rows))

    def _voted(
        self, products: Products, share: float, items: torch.Tensor, votes: torch.Tensor
    ) -> Cells:
        """The scores of the items that a user's newest events vote for.

        An item of probability p scores log p + logsumexp(logits) - log(1 - share). Without a vote
        that is the logit itself, so all other items need no softmax.
        """
        # Starts at 0, the logit of padding, which takes part in the softmax.
        total = torch.zeros(len(products.users))
        for first in range(0, len(products.items), self.block_items):
            block = products.block(first, first + self.block_items)
            total = torch.logaddexp(total, block.logsumexp(1))
        user, slot = torch.nonzero(votes, as_tuple=True)
        # One number for each (user, item), so that `unique` adds up votes for the same item.
        width = len(products.items) + 1
        cells, index = torch.unique(user * width + items[user, slot], return_inverse=True)
        summed = votes.new_zeros(len(cells)).index_add_(0, index, votes[user, slot])
        user, item = cells // width, cells % width - 1
        logit = (products.users[user] * products.items[item]).sum(1)
        odds = share / (1 - share)
        voted = torch.log(summed * odds) + total[user]
        return Cells.of(user, item, torch.logaddexp(logit, voted))

    def _rows(self, features: list[FeatureRows], width: int) -> dict[str, torch.Tensor]:
        """One tensor per input, with events padded like the histories."""
        tensors = {}
        for feature in self.model.features:
            rows = np.zeros((len(features), *feature.shape(width)), np.int32)
            for user, of_user in enumerate(features):
                if feature.input in of_user:
                    newest = of_user[feature.input][-self.model.max_length :]
                    rows[user, : len(newest)] = newest
            tensors[feature.input] = torch.from_numpy(rows).to(self.model.device)
        return tensors


def pad_histories(histories: list[npt.NDArray[np.int32]], max_length: int) -> npt.NDArray[np.int32]:
    """The newest `max_length` events of each history, padded at the end: (B, longest of them)."""
    newest = [history[-max_length:] for history in histories]
    width = max([1, *map(len, newest)])
    padded = np.zeros((len(newest), width), np.int32)
    for row, history in enumerate(newest):
        padded[row, : len(history)] = history
    return padded
