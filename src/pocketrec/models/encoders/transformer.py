"""Causal self-attention (Kang & McAuley, 2018, SASRec; pre-norm blocks)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config.model import ModelConfig
from ..dropout import Dropout
from .base import Encoder, positions


class TransformerEncoder(Encoder):
    """Blocks of attention and a two-layer part, over events with learned positions.

    Positions are counted from the END of the history: the newest event, which matters most, has
    the same position whatever the history's length. So one more event moves all the others, and
    there is no state to step from.
    """

    name = "transformer"
    defaults: ClassVar = {"layers": 2, "heads": 2, "feedforward": 4, "max_length": 200}

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.max_length = config.value("max_length")
        self.position = nn.Embedding(self.max_length, config.dim)
        # Small, so that positions do not drown the item embeddings at the start.
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
        # Adding this zero makes `place` depend on an input, so the converter does not fold an
        # L x L mask into the file. Floats, because runtimes are faster at float arithmetic than
        # at comparisons.
        place = place + (lengths - lengths).unsqueeze(-1).to(x.dtype)
        # All but the last block need every position; the last is needed at the newest event only.
        *first, final = cast(list[Block], list(self.blocks))
        for block in first:
            x = block.causal(x, place)
        newest = (lengths - 1).clamp(min=0)
        bias = _causal_bias(place, newest.unsqueeze(-1).to(x.dtype))  # (B, 1, L)
        return final.last(x, lengths, bias)

    def _with_positions(self, x: Tensor, lengths: Tensor) -> Tensor:
        from_end = self.max_length - lengths.unsqueeze(-1) + positions(x)
        index = from_end.clamp(0, self.max_length - 1)  # padding would be beyond the last row
        output: Tensor = x + self.position(index)
        return output


class Block(nn.Module):
    """x + attention(norm(x)), then x + network(norm(x)).

    The norms have no scale and offset, which the matrices after them can learn.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.value("heads")
        width = config.dim * config.value("feedforward")
        self.attention_norm = nn.LayerNorm(config.dim, elementwise_affine=False)
        self.project = nn.Linear(config.dim, 3 * config.dim)  # to queries, keys and values
        self.attention_output = nn.Linear(config.dim, config.dim)
        self.network_norm = nn.LayerNorm(config.dim, elementwise_affine=False)
        self.expand = nn.Linear(config.dim, width)
        self.contract = nn.Linear(width, config.dim)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Every event attends to itself and to those before it: (B, L, D) -> (B, L, D)."""
        query, key, value = self._project(x)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._finish(x, _merge(attended))

    def causal(self, x: Tensor, place: Tensor) -> Tensor:
        """`forward` in the device's operators: x (B, L, D), place (B, L) = 0..L-1."""
        # In two halves: the older one never attends to the newer one, so a quarter of the
        # products need not be made.
        query, key, value = self._project(x)
        # Scale the queries (L x D numbers), not the scores (L x L).
        query = query * (1 / math.sqrt(query.shape[-1]))
        length, attended = x.shape[1], []
        for begin, end in pairwise([0, length // 2, length] if length > 1 else [0, length]):
            scores = query[:, :, begin:end] @ key[:, :, :end].transpose(2, 3)
            scores = scores + _causal_bias(place[:, :end], place[:, begin:end]).unsqueeze(1)
            attended.append(torch.softmax(scores, -1) @ value[:, :, :end])
        return self._finish(x, _merge(torch.cat(attended, 2)))

    def last(self, x: Tensor, lengths: Tensor, bias: Tensor) -> Tensor:
        """The newest event attends, under an additive bias (B, 1, L): (B, L, D) -> (B, D)."""
        parts = self.project(self.attention_norm(x))
        # One-hot rows, so that the newest event is picked by a matrix product.
        newest = (positions(x) == lengths.unsqueeze(-1) - 1).to(x.dtype).unsqueeze(1)  # (B, 1, L)
        query = self._split(newest @ parts)[0]
        query = query * (1 / math.sqrt(query.shape[-1]))
        _, key, value = self._split(parts)
        scores = query @ key.transpose(2, 3) + bias.unsqueeze(1)  # (B, H, 1, L)
        attended = _merge(torch.softmax(scores, -1) @ value)
        return self._finish(newest @ x, attended).squeeze(1)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values: (B, L, D) -> three of (B, H, L, D / H)."""
        return self._split(self.project(self.attention_norm(x)))

    def _split(self, parts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, L, 3 D) -> three of (B, H, L, D / H)."""
        batch, length, width = parts.shape
        heads = parts.view(batch, length, 3 * self.heads, width // (3 * self.heads))
        # Split along the heads, one axis for queries, keys and values alike: one transpose.
        query, key, value = heads.transpose(1, 2).chunk(3, 1)
        return query, key, value

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.dropout(self.attention_output(attended))
        hidden = torch.relu(self.expand(self.network_norm(x)))
        output: Tensor = x + self.dropout(self.contract(hidden))
        return output


def _merge(attended: Tensor) -> Tensor:
    """Put the heads side by side: (B, H, L, D / H) -> (B, L, D)."""
    return attended.transpose(1, 2).flatten(2)


def _causal_bias(key: Tensor, query: Tensor) -> Tensor:
    """Additive bias from places of keys (B, L) and queries (B, Q): -> (B, Q, L).

    0 where the key comes no later than the query, and -1e9 or less where it comes later.
    """
    return torch.relu(key.unsqueeze(1) - query.unsqueeze(2)) * -1e9
