"""Untrained models of every encoder, and histories of a few items."""

import torch

from pocketrec.config.model import ModelConfig
from pocketrec.models.recommender import RecommenderModel

V, L, D = 12, 8, 16
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def build(name, *, seed=0, **fields):
    fields = {key: value for key, value in fields.items() if value is not None}
    torch.manual_seed(seed)
    config = ModelConfig(**{"encoder": name, "dim": D, "max_length": L} | fields)
    model = RecommenderModel(V, config)
    with torch.no_grad():
        model.cold_start.normal_()
        for parameter in model.encoder.parameters():  # zeros would hide what they multiply
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def histories(*rows, width=L):
    padded = torch.zeros(len(rows), width, dtype=torch.int32)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row, dtype=torch.int32)
    return padded


FULL = [3, 1, 4, 1, 5, 9, 2, 6]
SOME = histories(*(FULL[:n] for n in range(1, L + 1)))  # one of each length
