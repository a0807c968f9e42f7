"""A torch model as a scorer: whole histories in, a score for every item out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..schema import Rows
from .recommender import RecommenderModel, lengths_of


class ModelScorer:
    """Scores users the way training does, all positions at once, and not the way devices do.

    So comparing the two is a real test of the exported graph.
    """

    def __init__(self, model: RecommenderModel) -> None:
        self.model = model.eval()

    def __call__(
        self, histories: list[npt.NDArray[np.int32]], features: list[Rows] | None = None
    ) -> npt.NDArray[np.float32]:
        """Histories (B lists of item indices, oldest first, any length) -> scores (B, V).

        `features` are rows by input: of each history's events (n, M), of its user (M,).
        """
        item_id = torch.from_numpy(pad_histories(histories, self.model.max_length))
        item_id = item_id.to(self.model.device)
        rows = self._rows(features, item_id.shape[1]) if features else None
        with torch.inference_mode():
            lengths = lengths_of(item_id)
            states = self.model.states(item_id, rows)
            every = torch.arange(len(histories), device=item_id.device)
            users = states[every, (lengths - 1).clamp(min=0)]
            starts = self.model.starts(item_id, rows)
            users = torch.where((lengths > 0).unsqueeze(1), users, starts)
            scores = self.model.scores(users, item_id)[:, 1:]
        found: npt.NDArray[np.float32] = scores.cpu().numpy()
        return found

    def _rows(self, features: list[Rows], width: int) -> dict[str, torch.Tensor]:
        """One tensor an input, events padded as the histories are."""
        found = {}
        for feature in self.model.inputs:
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
