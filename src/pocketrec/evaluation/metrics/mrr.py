"""Mean reciprocal rank with one target per user, cut at k."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mrr(rank: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 / rank if rank <= k else 0, for each user.

    `rank` (U,) is the 1-based rank of the user's only target; -> (U,). A miss is 0, as long as
    k <= V. Source: Voorhees 1999 (TREC-8 question answering), cut at k.
    """
    return np.where(rank <= k, 1.0 / rank, 0.0)
