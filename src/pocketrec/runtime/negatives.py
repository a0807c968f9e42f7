"""What a liked or disliked item is compared with: others, drawn alike in Python and JavaScript."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..schema import IntArray


def draw_candidates(item: int, items: int, count: int, seed: int) -> IntArray:
    """The item itself and `count` - 1 others of 1..items, drawn evenly with replacement.

    All others, where there are no more than that.
    """
    others = items - 1
    if others < count:
        chosen = np.arange(others)
    else:
        chosen = np.floor(mulberry32(seed, count - 1) * others).astype(np.int64)
    indices = chosen + 1
    indices += indices >= item
    return np.concatenate([[item], indices]).astype(np.int32)


def mulberry32(seed: int, count: int) -> npt.NDArray[np.float64]:
    """The first `count` numbers of a generator that JavaScript has in one line: (count,) in [0, 1).

    Source: Tommy Ettinger's mulberry32, public domain; period 2^32.
    """
    steps = np.arange(1, count + 1, dtype=np.uint64)
    state = ((steps * 0x6D2B79F5 + np.uint64(seed % 2**32)) % 2**32).astype(np.uint32)
    mixed = (state ^ (state >> np.uint32(15))) * (state | np.uint32(1))
    mixed ^= mixed + (mixed ^ (mixed >> np.uint32(7))) * (mixed | np.uint32(61))
    numbers: npt.NDArray[np.float64] = (mixed ^ (mixed >> np.uint32(14))) / 2**32
    return numbers
