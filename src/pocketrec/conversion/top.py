"""The best items of a catalogue on the device, at a cost that hardly grows with it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bundle.contract import MASKED

GROUPS = range(128, 15, -1)
"""Items of a group, where items are many. Between these sizes there is little to choose, but one
that divides the table's rows spares the groups a copy of all numbers."""


def best_items(scores: Tensor, hidden: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids (1, K) and scores (1, K) of the best items, those of `hidden` (1, H) pushed by MASKED.

    Of scores (1, V + 1), ties to the lower index. Where items are many, topk's kernel, which looks
    at each number for a while, sees few of them: among the best K + H are the best K that are not
    hidden, and those are in the K + H groups whose best are the best. So the catalogue is read
    once, for the groups' maxima, and written never.
    """
    rows, few = scores.shape[1], k + hidden.shape[1]
    size = next((size for size in GROUPS if rows % size == 0), 64)
    groups = -(-rows // size)
    if groups < 2 * few:
        best, ids = torch.topk(scores + _pushed(hidden, rows), k)
        return ids.to(torch.int32), best
    if rest := groups * size - rows:
        scores = torch.cat([scores, torch.full((1, rest), torch.finfo(scores.dtype).min)], -1)
    members = scores.view(groups, size)
    _, chosen = torch.topk(members.amax(-1), few)
    # In order of their indices again, so that ties go to the lower one.
    _, order = torch.topk(-chosen.to(scores.dtype), few)
    chosen = chosen.to(torch.int32)[order]
    # What is hidden has a place among the chosen groups, or before them, in row 0.
    number = torch.arange(1, few + 1, dtype=torch.int32)
    row_of = torch.zeros(groups, dtype=torch.int32).scatter(0, chosen.to(torch.int64), number)
    group, member = _divided(hidden, size)
    pushed = _pushed(row_of[group] * size + member, (few + 1) * size).view(few + 1, size)
    best, places = torch.topk((members[chosen] + pushed[1:]).view(1, -1), k)
    row, member = _divided(places.to(torch.int32), size)
    return chosen[row] * size + member, best


def _pushed(places: Tensor, count: int) -> Tensor:
    """(1, count), MASKED at `places` (1, H), and more where one is named more than once; else 0."""
    pushed = torch.full(places.shape, MASKED)
    return torch.zeros(1, count).scatter_add(1, places.to(torch.int64), pushed)


def _divided(number: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Quotient and rest of whole numbers from 0 on."""
    # DenseScores division would take operators that no bundle may have; floats may be wrong by one.
    quotient = (number * (1 / size)).to(torch.int32)
    rest = number - quotient * size
    wrong = (rest >= size).to(torch.int32) - (rest < 0).to(torch.int32)
    return quotient + wrong, rest - wrong * size
