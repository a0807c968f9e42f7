"""Normalized discounted cumulative gain with one target per user: how high in the list is it?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ndcg(rank: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 / log2(1 + rank) if rank <= k else 0, for each user.

    `rank` (U,) is the 1-based rank of the user's only target; -> (U,). The ideal list has the
    target first and gains 1, so nothing is left to divide by. A miss is 0, as long as k <= V.
    Source: Järvelin and Kekäläinen 2002, with one relevant item.
    """
    gain = 1.0 / np.log2(1.0 + rank)
    return np.where(rank <= k, gain, 0.0)
