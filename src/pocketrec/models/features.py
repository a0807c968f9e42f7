"""Events to vectors: what an encoder gets to see of a history."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from ..schema import PADDING
from .dropout import Dropout, ItemDropout


class EventFeatures(nn.Module):
    """The item table, looked up: item_id (B, L) -> (B, L, D), zero at padding.

    The same table scores the items, so it lives once in memory and once in the file.
    """

    def __init__(self, item_count: int, config: ModelConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(item_count + 1, config.dim)
        nn.init.normal_(self.table.weight, std=config.dim**-0.5)
        with torch.no_grad():
            self.table.weight[PADDING].zero_()
        self.dropout = Dropout(config.dropout)
        self.item_dropout = ItemDropout(config.item_dropout)

    def forward(self, item_id: Tensor) -> Tensor:
        """(B, L) int -> (B, L, D)."""
        x: Tensor = self.item_dropout(self.dropout(self.table(item_id)))
        return x
