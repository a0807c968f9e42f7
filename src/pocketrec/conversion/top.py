"""The best items of a catalogue on the device, at a cost that hardly grows with its size."""

from __future__ import annotations

import torch
from torch import Tensor

from ..bundle.contract import MASKED

GROUPS = range(128, 15, -1)
"""Sizes of a group of items, best first. All are about as fast, but a size that divides the number
of the table's rows needs no padding, which would copy every score."""


def best_items(scores: Tensor, masked: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids (1, K) and scores (1, K) of the best items by scores (1, V + 1); ties to the lower index.

    Adds MASKED to the scores of the items `masked` (1, H). topk is slow for each number it sees, so
    in large catalogues it sees few. The best K items that are not masked are among the best K + H
    of all, and those lie in the K + H groups with the highest maxima. So the catalogue is read
    once, for the maxima, and never copied.
    """
    rows, few = scores.shape[1], k + masked.shape[1]
    size = next((size for size in GROUPS if rows % size == 0), 64)
    groups = -(-rows // size)
    if groups < 2 * few:
        best, ids = torch.topk(scores + _mask(masked, rows), k)
        return ids.to(torch.int32), best
    if rest := groups * size - rows:
        scores = torch.cat([scores, torch.full((1, rest), torch.finfo(scores.dtype).min)], -1)
    members = scores.view(groups, size)
    _, chosen = torch.topk(members.amax(-1), few)
    # Sort the groups by index again, so that ties go to the lower item.
    _, order = torch.topk(-chosen.to(scores.dtype), few)
    chosen = chosen.to(torch.int32)[order]
    # Masked items count in row 1, 2, ... for the chosen groups, and in row 0, which is cut off, for
    # all other groups.
    number = torch.arange(1, few + 1, dtype=torch.int32)
    row_of = torch.zeros(groups, dtype=torch.int32).scatter(0, chosen.to(torch.int64), number)
    group, member = _divided(masked, size)
    mask = _mask(row_of[group] * size + member, (few + 1) * size).view(few + 1, size)
    best, places = torch.topk((members[chosen] + mask[1:]).view(1, -1), k)
    row, member = _divided(places.to(torch.int32), size)
    return chosen[row] * size + member, best


def _mask(places: Tensor, count: int) -> Tensor:
    """(1, count): MASKED at `places` (1, H), a multiple of it at repeated places, else 0."""
    values = torch.full(places.shape, MASKED)
    return torch.zeros(1, count).scatter_add(1, places.to(torch.int64), values)


def _divided(number: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of non-negative integers."""
    # Integer division needs operators that bundles may not use; a float quotient may be off by one,
    # which is corrected below.
    quotient = (number * (1 / size)).to(torch.int32)
    rest = number - quotient * size
    wrong = (rest >= size).to(torch.int32) - (rest < 0).to(torch.int32)
    return quotient + wrong, rest - wrong * size
