"""Events and users to vectors: what an encoder gets to see of a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config.model import ModelConfig
from ..features.encoding import MISSING, Feature
from .dropout import Dropout, ItemDropout

TensorRows = Mapping[str, Tensor]
"""Rows of features by their input's name: of events (B, L, M), of users (B, M)."""

SCALE = 0.5
"""Spread of a fresh feature's vectors, in units of an item's: they say less."""


class FeatureTable(nn.Module):
    """An embedding for each row of a feature: (..., M) int -> (..., D).

    Of several values at once the vectors are summed and divided by the root of their number; row
    MISSING, which stands for no known value, is trained like any other.
    """

    def __init__(self, feature: Feature, dim: int) -> None:
        super().__init__()
        self.slots = feature.slots
        self.table = nn.Embedding(feature.encoding.rows, dim)
        nn.init.normal_(self.table.weight, std=SCALE * dim**-0.5)

    def forward(self, rows: Tensor) -> Tensor:
        """(..., M) -> (..., D)."""
        if self.slots == 1:
            first: Tensor = self.table(rows.squeeze(-1))
            return first
        # Values fill the slots from the first on, and empty slots are MISSING, 0. The first slot
        # always counts: it is empty only where nothing is known, and MISSING is meant.
        known = rows.to(self.table.weight.dtype).clamp(max=1)
        kept = torch.cat([torch.ones_like(known[..., :1]), known[..., 1:]], -1)  # (..., M)
        weight = torch.rsqrt(kept.sum(-1, keepdim=True)) * kept
        output: Tensor = (self.table(rows) * weight.unsqueeze(-1)).sum(-2)
        return output


class EventFeatures(nn.Module):
    """Rows of the item table (unless without `items`), plus those of each event feature."""

    def __init__(
        self, config: ModelConfig, features: Sequence[Feature] = (), *, items: bool = True
    ) -> None:
        super().__init__()
        self.items = items
        self.dropout = Dropout(config.dropout)
        self.item_dropout = ItemDropout(config.item_dropout)
        self.tables = tables_of("event", features, config.dim)

    def forward(self, item_id: Tensor, table: Tensor, rows: TensorRows | None = None) -> Tensor:
        """item_id (B, L), the item table (V + 1, D), rows (B, L, M) by input -> (B, L, D)."""
        x = torch.zeros(1, 1, 1, device=item_id.device)
        if self.items:
            x = self.item_dropout(self.dropout(F.embedding(item_id, table)))
        for name, of_feature in tables(self.tables):
            x = x + self.dropout(of_feature(rows_or_missing(rows, name, item_id, of_feature.slots)))
        return x


class UserFeatures(nn.Module):
    """The sum of what is known of a user: rows (B, M) by input -> (B, D)."""

    def __init__(self, config: ModelConfig, features: Sequence[Feature] = ()) -> None:
        super().__init__()
        self.tables = tables_of("user", features, config.dim)

    def forward(self, item_id: Tensor, rows: TensorRows | None = None) -> Tensor:
        """`item_id` (B, L) says how many users there are."""
        total = torch.zeros(1, 1, device=item_id.device)
        for name, of_feature in tables(self.tables):
            total = total + of_feature(rows_or_missing(rows, name, item_id[:, 0], of_feature.slots))
        return total


def tables_of(of: str, features: Sequence[Feature], dim: int) -> nn.ModuleDict:
    """A table for each feature of events, or of users, by the name of its input."""
    return nn.ModuleDict({f.input: FeatureTable(f, dim) for f in features if f.of == of})


def tables(modules: nn.ModuleDict) -> list[tuple[str, FeatureTable]]:
    """The entries of `tables_of`."""
    return cast(list[tuple[str, FeatureTable]], list(modules.items()))


def rows_or_missing(rows: TensorRows | None, name: str, like: Tensor, slots: int) -> Tensor:
    """The rows that are given of a feature, or MISSING for each of `like`."""
    if rows is not None and name in rows:
        return rows[name]
    return torch.full((*like.shape, slots), MISSING, dtype=torch.int32, device=like.device)
