"""Causal self-attention (Kang & McAuley, 2018, SASRec; pre-norm blocks)."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import ModelConfig
from ..dropout import Dropout
from .base import Encoder, positions, take_last


class TransformerEncoder(Encoder):
    """Blocks of attention and a two-layer part over events with learned positions.

    Positions are counted from the END of the history, so that the newest event, the one that
    says most, has the same position whatever the history's length.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.max_length = config.value("max_length")
        self.position = nn.Embedding(self.max_length, config.dim)
        nn.init.normal_(self.position.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.value("layers")))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        x = self._with_positions(x, lengths)
        for block in self.blocks:
            x = block(x)
        return x

    def last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) -> (B, D): the last block attends from the last event only."""
        x = self._with_positions(x, lengths)
        place = positions(x).to(x.dtype)
        # Made of an input, so that no L x L constant is folded into the file; and by arithmetic,
        # for which runtimes have faster kernels than for comparisons.
        place = place + (lengths - lengths).unsqueeze(-1).to(x.dtype)
        bias = _after(place.unsqueeze(1), place.unsqueeze(2))  # (B, L, L), [query, key]
        *first, final = cast(list[Block], list(self.blocks))
        for block in first:
            x = block.masked(x, x, bias)
        newest = (lengths - 1).clamp(min=0).to(x.dtype)  # (B,)
        bias = _after(place.unsqueeze(1), newest.view(-1, 1, 1))  # (B, 1, L)
        return final.masked(take_last(x, lengths).unsqueeze(1), x, bias).squeeze(1)

    def _with_positions(self, x: Tensor, lengths: Tensor) -> Tensor:
        from_end = self.max_length - lengths.unsqueeze(-1) + positions(x)
        index = from_end.clamp(0, self.max_length - 1)  # padding lies beyond the end
        output: Tensor = x + self.position(index)
        return output


class Block(nn.Module):
    """x + attention(norm(x)), then x + network(norm(x)).

    The norms scale nothing themselves, since the matrices after them can.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.value("heads")
        width = config.dim * config.value("feedforward")
        self.attention_norm = nn.LayerNorm(config.dim, elementwise_affine=False)
        self.query = nn.Linear(config.dim, config.dim)
        self.key_value = nn.Linear(config.dim, 2 * config.dim)
        self.attention_output = nn.Linear(config.dim, config.dim)
        self.network_norm = nn.LayerNorm(config.dim, elementwise_affine=False)
        self.expand = nn.Linear(config.dim, width)
        self.contract = nn.Linear(width, config.dim)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Every event attends to itself and those before: (B, L, D) -> (B, L, D)."""
        normed = self.attention_norm(x)
        query, key, value = self._project(normed, normed)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._finish(x, attended)

    def masked(self, x: Tensor, events: Tensor, bias: Tensor) -> Tensor:
        """x (B, Q, D) attends to events (B, L, D) under an additive bias (B, Q, L)."""
        query, key, value = self._project(self.attention_norm(x), self.attention_norm(events))
        query = query * (1 / math.sqrt(query.shape[-1]))
        scores = query @ key.transpose(2, 3) + bias.unsqueeze(1)  # (B, H, Q, L)
        return self._finish(x, torch.softmax(scores, -1) @ value)

    def _project(self, x: Tensor, events: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key, value = self.key_value(events).chunk(2, -1)
        return self._split(self.query(x)), self._split(key), self._split(value)

    def _split(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, H, L, D / H)."""
        batch, length, dim = x.shape
        return x.view(batch, length, self.heads, dim // self.heads).transpose(1, 2)

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        merged = attended.transpose(1, 2).reshape(x.shape)
        x = x + self.dropout(self.attention_output(merged))
        hidden = torch.relu(self.expand(self.network_norm(x)))
        output: Tensor = x + self.dropout(self.contract(hidden))
        return output


def _after(key: Tensor, query: Tensor) -> Tensor:
    """Additive bias: 0 where a key's place is not after the query's, else hugely negative."""
    return torch.relu(key - query) * -1e9
