"""The best items of a catalogue on the device, at a cost that hardly grows with it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..device import MASKED

GROUPS = range(128, 15, -1)
"""Items of a group, where items are many. Between these sizes there is little to choose, but one
that divides the table's rows spares the groups a copy of all numbers."""


def best_items(worth: Tensor, hidden: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids (1, K) and worth (1, K) of the best items, those of `hidden` (1, H) pushed by MASKED.

    Of worth (1, V + 1), ties to the lower index. Among the best K + H are the best K that are not
    hidden, so that only these are looked up among the hidden ones: the rest of the catalogue is
    read once, and written never.
    """
    ones = torch.full_like(hidden, 1, dtype=worth.dtype)
    named = torch.scatter_add(torch.zeros_like(worth), 1, hidden.to(torch.int64), ones)
    few = k + hidden.shape[1]
    if worth.shape[1] <= few:
        best, ids = torch.topk(worth + named * MASKED, k)
        return ids.to(torch.int32), best
    best, ids = _top(worth, few)
    best, places = torch.topk(best + torch.gather(named, 1, ids) * MASKED, k)
    return torch.gather(ids, 1, places).to(torch.int32), best


def _top(worth: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The same as topk of (1, n): its kernel looks at each number for a while, a maximum does not.

    The best `count` items are in the `count` groups whose best are the best.
    """
    rows = worth.shape[1]
    size = next((size for size in GROUPS if rows % size == 0), 64)
    groups = -(-rows // size)
    if groups < 2 * count:
        return torch.topk(worth, count)
    if rest := groups * size - rows:
        worth = torch.cat([worth, torch.full((1, rest), torch.finfo(worth.dtype).min)], -1)
    members = worth.view(groups, size)
    _, chosen = torch.topk(members.amax(-1), count)
    # In order of their indices again, so that ties go to the lower one.
    _, order = torch.topk(-chosen.to(worth.dtype), count)
    chosen = chosen[order]
    ids = chosen.to(torch.int32).unsqueeze(-1) * size + torch.arange(size, dtype=torch.int32)
    best, places = torch.topk(members[chosen].view(1, -1), count)
    return best, torch.gather(ids.view(1, -1).to(torch.int64), 1, places)
