"""Recall at k with one target per user: is it in the list?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def recall(rank: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 if rank <= k else 0, for each user.

    `rank` (U,) is the 1-based rank of the user's only target; -> (U,). With one target this is
    also the hit rate, HR@k. A miss of any kind (rank V + 1) is 0, as long as k <= V.
    """
    return (rank <= k).astype(np.float64)
