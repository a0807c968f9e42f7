"""Vectors for items that training never saw, from what those it saw are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..schema import FloatArray

RIDGE = 10.0
"""Items' worth of doubt about each value's vector: of 3 to 100 it made no difference to MovieLens
100K's newest films, whose takers were ranked above others at .539 to .544 of the time."""


def vectors_from_attributes(
    table: FloatArray, known: FloatArray, new: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The mean vector of known items (D,), and how items should differ from it (n, D).

    Ridge regression of the items' vectors `table` (V, D) on their attributes `known` (V, A), at
    the attributes `new` (n, A): an item is expected to be like those that have its values.
    """
    mean = table.mean(0)
    x = known.astype(np.float64)
    gram = x.T @ x + RIDGE * np.eye(x.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(gram, x.T @ (table - mean))
    return mean, (new @ weights).astype(np.float32)
