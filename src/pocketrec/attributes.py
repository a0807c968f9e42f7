"""Attributes of items (genre, year, brand): how their values become rows of a table.

Needs no training stack, since new items are given vectors where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .encoding import Categories, Encoding, FeatureKind, Number, texts
from .schema import FloatArray, IntArray

KNOTS = 17
"""Quantiles between which a number is interpolated: enough for a curve, few enough to learn."""


@dataclass(frozen=True)
class ItemAttributes:
    """What each item is made of: row i of `rows` (V + 1, M) with `weights` (V + 1, M).

    Rows are those of one table of A = `table_rows` embeddings, the attributes one after the
    other; M is the most that an item has, the others have weight 0. Item 0, padding, has none.
    """

    encodings: dict[str, Encoding]
    rows: IntArray
    weights: FloatArray

    @property
    def table_rows(self) -> int:
        """A, rows of the table that all attributes share."""
        return sum(encoding.rows for encoding in self.encodings.values())

    @property
    def matrix(self) -> FloatArray:
        """The same as a matrix: items without padding by rows of the table, (V, A)."""
        dense = np.zeros((len(self.rows), self.table_rows), np.float32)
        np.add.at(dense, (np.arange(len(self.rows))[:, None], self.rows), self.weights)
        return dense[1:]


def fit(values: Iterable[Any], kind: FeatureKind) -> Encoding:
    """The encoding of one attribute, from the values that items have; None is missing."""
    if kind == "category":
        return Categories(tuple(sorted({text for value in values for text in texts(value)})))
    numbers = np.asarray([value for value in values if value is not None], np.float64)
    if not len(numbers):
        return Number(())
    return Number(tuple(np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS))).tolist()))


def encode(
    values: Mapping[str, Sequence[Any]], encodings: Mapping[str, Encoding]
) -> ItemAttributes:
    """The attributes of items, each a list in order of the items' index."""
    count = max(map(len, values.values()), default=0)
    made: list[list[tuple[int, float]]] = [[] for _ in range(count + 1)]
    first = 0
    for name, encoding in encodings.items():
        for item, value in enumerate(values[name], start=1):
            made[item] += [(first + row, weight) for row, weight in encoding.encode(value)]
        first += encoding.rows
    rows = np.zeros((len(made), max(map(len, made))), np.int32)
    weights = np.zeros(rows.shape, np.float32)
    for item, pairs in enumerate(made):
        for place, (row, weight) in enumerate(pairs):
            rows[item, place], weights[item, place] = row, weight
    return ItemAttributes(dict(encodings), rows, weights)
