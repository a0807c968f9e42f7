"""Vectors for items that training never saw, predicted from their attributes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..schema import FloatArray

RIDGE = 10.0
"""Regularization of the regression, in items. Values from 3 to 100 made no difference to the newest
films of MovieLens 100K: users who took one ranked above others .539 to .544 of the time."""


def vectors_from_attributes(
    table: FloatArray, known: FloatArray, new: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The mean vector of known items (D,), and how items should differ from it (n, D).

    Ridge regression of the items' vectors `table` (V, D) on their attributes `known` (V, A), at
    the attributes `new` (n, A): items with equal attributes get equal vectors.
    """
    mean = table.mean(0)
    x = known.astype(np.float64)
    gram = x.T @ x + RIDGE * np.eye(x.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(gram, x.T @ (table - mean))
    return mean, (new @ weights).astype(np.float32)
