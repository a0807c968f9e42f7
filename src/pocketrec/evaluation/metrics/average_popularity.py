"""Popularity of the recommended items: high means that everybody is shown the same hits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_popularity(
    top: NDArray[np.int32], item_counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Training events of the recommended items, on average: sum over top of count(i) / |top|.

    `top` (U, k) holds item indices, 0 where a list is shorter; `item_counts` (V,) the number of
    training events of items 1..V; -> (U,) per user, whose mean is the metric: "the average
    recommended item has 1,200 events". An empty list is 0. Neither high nor low is best: the
    figure shows whether accuracy comes from popular items only. Source: ARP in Abdollahpouri et al.
    2019, "Managing Popularity Bias in Recommender Systems".
    """
    counts = np.concatenate([[0.0], item_counts])  # (V + 1,), padding counts nothing
    shown = (top > 0).sum(axis=1)
    mean: NDArray[np.float64] = counts[top].sum(axis=1) / np.maximum(shown, 1)
    return mean
