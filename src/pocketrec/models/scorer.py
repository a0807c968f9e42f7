"""A torch model as a scorer: whole histories in, a score for every item out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from .recommender import RecommenderModel, lengths_of


class ModelScorer:
    """Scores users the way training does, all positions at once, and not the way devices do.

    So comparing the two is a real test of the exported graph.
    """

    def __init__(self, model: RecommenderModel) -> None:
        self.model = model.eval()

    def __call__(self, histories: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.float32]:
        """Histories (B lists of item indices, oldest first, any length) -> scores (B, V)."""
        item_id = torch.from_numpy(pad_histories(histories, self.model.max_length))
        with torch.inference_mode():
            lengths = lengths_of(item_id)
            states = self.model.states(item_id)
            rows = torch.arange(len(histories))
            users = states[rows, (lengths - 1).clamp(min=0)]
            users = torch.where((lengths > 0).unsqueeze(1), users, self.model.start)
            scores: npt.NDArray[np.float32] = self.model.scores(users, item_id)[:, 1:].numpy()
        return scores


def pad_histories(histories: list[npt.NDArray[np.int32]], max_length: int) -> npt.NDArray[np.int32]:
    """The newest `max_length` events of each, padded at the end with 0: (B, longest of them)."""
    newest = [history[-max_length:] for history in histories]
    width = max([1, *map(len, newest)])
    padded = np.zeros((len(newest), width), np.int32)
    for row, history in enumerate(newest):
        padded[row, : len(history)] = history
    return padded
