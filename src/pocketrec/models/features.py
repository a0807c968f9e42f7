"""Turns events and users into vectors: the input of an encoder."""

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
"""Feature rows by input name: of events (B, L, M), of users (B, M)."""

SCALE = 0.5
"""Standard deviation of new feature vectors relative to items': a feature says less."""


class FeatureTable(nn.Module):
    """An embedding for each row of a feature: (..., M) int -> (..., D).

    The vectors of several values are summed and divided by the square root of their number, which
    keeps the length of the sum about the same. Row MISSING, no known value, is trained as others.
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
        # Values fill the slots from the first on; empty slots hold MISSING, which is 0. The first
        # slot always counts: if it is empty nothing is known, and the row of MISSING is meant.
        known = rows.to(self.table.weight.dtype).clamp(max=1)
        kept = torch.cat([torch.ones_like(known[..., :1]), known[..., 1:]], -1)  # (..., M)
        weight = torch.rsqrt(kept.sum(-1, keepdim=True)) * kept
        output: Tensor = (self.table(rows) * weight.unsqueeze(-1)).sum(-2)
        return output


class EventFeatures(nn.Module):
    """The sum of an event's vectors: of its item (if `items`) and of each event feature."""

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
        x = torch.zeros(1, 1, 1, device=item_id.device)  # broadcasts: a sum of no features works
        if self.items:
            # Only items are dropped as a whole; features of the event stay.
            x = self.item_dropout(self.dropout(F.embedding(item_id, table)))
        for name, of_feature in tables(self.tables):
            x = x + self.dropout(of_feature(rows_or_missing(rows, name, item_id, of_feature.slots)))
        return x


class UserFeatures(nn.Module):
    """The sum of the vectors of all user features: rows (B, M) by input -> (B, D)."""

    def __init__(self, config: ModelConfig, features: Sequence[Feature] = ()) -> None:
        super().__init__()
        self.tables = tables_of("user", features, config.dim)

    def forward(self, item_id: Tensor, rows: TensorRows | None = None) -> Tensor:
        """`item_id` (B, L) gives B, for users without any rows."""
        total = torch.zeros(1, 1, device=item_id.device)
        for name, of_feature in tables(self.tables):
            total = total + of_feature(rows_or_missing(rows, name, item_id[:, 0], of_feature.slots))
        return total


def tables_of(of: str, features: Sequence[Feature], dim: int) -> nn.ModuleDict:
    """A table for each feature of "event" or "user", by input name."""
    return nn.ModuleDict({f.input: FeatureTable(f, dim) for f in features if f.of == of})


def tables(modules: nn.ModuleDict) -> list[tuple[str, FeatureTable]]:
    """The (input name, table) pairs of `tables_of`, typed."""
    return cast(list[tuple[str, FeatureTable]], list(modules.items()))


def rows_or_missing(rows: TensorRows | None, name: str, like: Tensor, slots: int) -> Tensor:
    """The rows of a feature, or MISSING for each element of `like` if there are none."""
    if rows is not None and name in rows:
        return rows[name]
    return torch.full((*like.shape, slots), MISSING, dtype=torch.int32, device=like.device)
