"""Groups of features with an encoder each, joined by a hidden layer."""

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
from .encoders.base import Encoder, parted
from .features import EventFeatures, TensorRows


class Group(nn.Module):
    """Some of an event's features, and the encoder that reads them."""

    def __init__(self, config: ModelConfig, features: Sequence[Feature], *, items: bool) -> None:
        super().__init__()
        self.event_features = EventFeatures(config, features, items=items)
        self.encoder: Encoder = build_encoder(config)


class GroupedEncoder(nn.Module):
    """Encoders side by side, their states concatenated before a hidden layer.

    As the feature groups in the input configuration of TensorFlow's on-device recommendation
    example. Causal, since each of the encoders is.
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
        """States after every event (B, L, D), or after the `last` one (B, D)."""
        states = []
        for group in self._groups:
            x = group.event_features(item_id, table, rows)
            states.append(group.encoder.last(x, lengths) if last else group.encoder(x, lengths))
        return self._joined(states)

    @property
    def state_width(self) -> int | None:
        """As an encoder's: all groups' states side by side, if each of them has one."""
        widths = [group.encoder.state_width for group in self._groups]
        return None if None in widths else sum(filter(None, widths))

    def step(
        self, state: Tensor, item_id: Tensor, table: Tensor, rows: TensorRows | None
    ) -> tuple[Tensor, Tensor]:
        """As an encoder's, of one event's item_id (B, 1) and rows (B, 1, M): -> (B, S), (B, D)."""
        after, states = [], []
        widths = [group.encoder.state_width or 0 for group in self._groups]
        for group, before in zip(self._groups, parted(state, widths), strict=True):
            x = group.event_features(item_id, table, rows).squeeze(1)
            kept, found = group.encoder.step(before, x)
            after.append(kept)
            states.append(found)
        return torch.cat(after, -1), self._joined(states)

    @property
    def _groups(self) -> list[Group]:
        return cast(list[Group], list(self.groups))

    def _joined(self, states: list[Tensor]) -> Tensor:
        hidden = self.dropout(F.relu(self.hidden(torch.cat(states, -1))))
        output: Tensor = self.output(hidden)
        return output
