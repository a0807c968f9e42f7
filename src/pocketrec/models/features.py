"""Events to vectors: what an encoder gets to see of a history."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from .dropout import Dropout, ItemDropout


class EventFeatures(nn.Module):
    """Rows of the item table: item_id (B, L), table (V + 1, D) -> (B, L, D), zero at padding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = Dropout(config.dropout)
        self.item_dropout = ItemDropout(config.item_dropout)

    def forward(self, item_id: Tensor, table: Tensor) -> Tensor:
        """(B, L) int -> (B, L, D)."""
        x: Tensor = self.item_dropout(self.dropout(F.embedding(item_id, table)))
        return x
