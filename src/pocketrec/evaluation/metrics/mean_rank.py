"""Mean rank of the target: the only metric that also counts targets below the list."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_rank(rank: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rank itself, as a float, for each user; the metric is its mean. Lower is better.

    `rank` (U,) is 1-based -> (U,). A target that can never be recommended (unknown to the
    catalogue, or seen while seen items are left out) has rank V + 1: one below the last item.
    """
    return rank.astype(np.float64)
