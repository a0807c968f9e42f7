"""Groups of features, each with its own encoder, joined by a hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config.model import ITEM_ID, ModelConfig
from ..features.encoding import Feature
from .dropout import Dropout
from .encoders import build_encoder
from .encoders.base import Encoder, split_state
from .features import EventFeatures, TensorRows


class Group(nn.Module):
    """Some features of the events, and the encoder that reads them."""

    def __init__(self, config: ModelConfig, features: Sequence[Feature], *, items: bool) -> None:
        super().__init__()
        self.event_features = EventFeatures(config, features, items=items)
        self.encoder: Encoder = build_encoder(config)


class GroupedEncoder(nn.Module):
    """Encoders side by side; a hidden layer reads their concatenated states.

    Like the feature groups of TensorFlow's on-device recommendation example. Causal, because each
    encoder is.
    """

    def __init__(self, config: ModelConfig, features: Sequence[Feature]) -> None:
        super().__init__()
        self.groups = nn.ModuleList(
            Group(
                config.for_group(group),
                [f for f in features if f.of == "event" and f.name in group.features],
                items=ITEM_ID in group.features,
            )
            for group in config.groups.values()
        )
        # The groups meet only here: no encoder sees the features of another group.
        self.hidden = nn.Linear(len(self.groups) * config.dim, 2 * config.dim)
        self.output = nn.Linear(2 * config.dim, config.dim)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        item_id: Tensor,
        table: Tensor,
        rows: TensorRows | None,
        lengths: Tensor,
        *,
        last: bool,
    ) -> Tensor:
        """States after every event (B, L, D); with `last`, only after the last one (B, D)."""
        states = []
        for group in self._groups:
            x = group.event_features(item_id, table, rows)
            states.append(group.encoder.last(x, lengths) if last else group.encoder(x, lengths))
        return self._joined(states)

    @property
    def state_width(self) -> int | None:
        """S: the groups' states side by side; None unless every group has one."""
        # One group that cannot step would need the whole history, so then none does.
        widths = [group.encoder.state_width for group in self._groups]
        return None if None in widths else sum(filter(None, widths))

    def step(
        self, state: Tensor, item_id: Tensor, table: Tensor, rows: TensorRows | None
    ) -> tuple[Tensor, Tensor]:
        """One more event: state (B, S), item_id (B, 1), rows (B, 1, M) -> (B, S), (B, D)."""
        after, states = [], []
        widths = [group.encoder.state_width or 0 for group in self._groups]
        for group, before in zip(self._groups, split_state(state, widths), strict=True):
            x = group.event_features(item_id, table, rows).squeeze(1)
            kept, encoded = group.encoder.step(before, x)
            after.append(kept)
            states.append(encoded)
        return torch.cat(after, -1), self._joined(states)

    @property
    def _groups(self) -> list[Group]:
        return cast(list[Group], list(self.groups))

    def _joined(self, states: list[Tensor]) -> Tensor:
        hidden = self.dropout(F.relu(self.hidden(torch.cat(states, -1))))
        output: Tensor = self.output(hidden)
        return output
