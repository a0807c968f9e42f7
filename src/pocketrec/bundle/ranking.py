"""A signature's outputs -> a list of items that may be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BundleError
from ..schema import PADDING, FloatArray, IntArray, Signature
from .contract import MASKED, Shapes
from .inputs import within

RankedItems = tuple[IntArray, FloatArray]
"""Item indices (n,) and their scores (n,), best first, ties to the lower index."""


def shown_items(
    signature: str, outputs: dict[str, npt.NDArray[Any]], to_block: IntArray, shapes: Shapes
) -> RankedItems:
    """The items of a signature's list that are not masked, without those of `to_block` (n,).

    Raises BundleError when the outputs are no list of the model's items.
    """
    real = outputs[Signature.SCORES] > MASKED / 2
    ids, scores = outputs[Signature.IDS][real], outputs[Signature.SCORES][real]
    once = len(set(ids.tolist())) == len(ids)
    falls = bool((scores[1:] <= scores[:-1]).all())
    if not (once and falls and within(ids, PADDING + 1, shapes.items)):
        raise BundleError(
            f"the model answered '{signature}' with an invalid list: do not use this bundle"
        )
    if len(to_block) > shapes.blocked:
        # The graph takes N items to block; the list may still hold the others.
        may_show = ~np.isin(ids, to_block[shapes.blocked :])
        ids, scores = ids[may_show], scores[may_show]
    return ids, scores


def filled(
    ranking: RankedItems,
    k: int,
    excluded: IntArray,
    shapes: Shapes,
    score: Callable[[IntArray], FloatArray],
) -> RankedItems:
    """The first k items of a list; where it is shorter, the best of the others follow.

    `excluded` (n,) are items that must not follow; `score` gives the scores of items (n,). The
    result is shorter than k when no items are left.
    """
    ids, scores = ranking
    if len(ids) >= k:
        return ids[:k], scores[:k]
    is_left = np.ones(shapes.items + 1, np.bool_)
    is_left[PADDING] = is_left[excluded] = is_left[ids] = False
    others = np.flatnonzero(is_left).astype(np.int32)
    if not len(others):
        return ranking
    more = score(others)
    order = np.argsort(-more, kind="stable")[: k - len(ids)]  # stable: ties to the lower index
    return np.concatenate([ids, others[order]]), np.concatenate([scores, more[order]])
