"""Attributes of items (genre, year, brand): how their values become rows of a table.

Needs no training stack, since new items are given vectors where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schema import FloatArray, IntArray
from .encoding import MISSING, Categories, Encoding, FeatureKind, Number, texts

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
        different = {_key(value): value for value in values}
        return Categories(tuple(sorted({text for v in different.values() for text in texts(v)})))
    numbers = np.asarray([value for value in values if value is not None], np.float64)
    if not len(numbers):
        return Number(())
    return Number(tuple(np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS))).tolist()))


def encode(
    values: Mapping[str, Sequence[Any]], encodings: Mapping[str, Encoding]
) -> ItemAttributes:
    """The attributes of items, each a list in order of the items' index."""
    count = max(map(len, values.values()), default=0)
    parts = [_pairs(values[name], encoding) for name, encoding in encodings.items()]
    sizes = np.zeros(count, np.int64)
    for part in parts:
        sizes[: len(part.sizes)] += part.sizes
    rows = np.zeros((count + 1, sizes.max(initial=0)), np.int32)
    weights = np.zeros(rows.shape, np.float32)
    filled, first = np.zeros(count, np.int64), 0
    for part, encoding in zip(parts, encodings.values(), strict=True):
        item = np.repeat(np.arange(len(part.sizes)), part.sizes)
        begins = np.cumsum(part.sizes) - part.sizes
        place = filled[item] + np.arange(len(item)) - begins[item]
        rows[item + 1, place] = first + part.rows
        weights[item + 1, place] = part.weights
        filled[: len(part.sizes)] += part.sizes
        first += encoding.rows
    return ItemAttributes(dict(encodings), rows, weights)


@dataclass(frozen=True)
class _Pairs:
    """Of one attribute, for each value so many of the rows with weights, one after the other."""

    sizes: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


def _pairs(values: Sequence[Any], encoding: Encoding) -> _Pairs:
    """What `encoding.encode` makes of each value; equal ones are encoded once."""
    plain = {type(value) for value in values} <= {float, type(None)}
    if isinstance(encoding, Number) and encoding.knots and plain:
        return _interpolated(np.asarray(values, np.float64), np.asarray(encoding.knots))
    number_of: dict[Any, int] = {}
    which = np.asarray(
        [number_of.setdefault(_key(value), len(number_of)) for value in values], np.int64
    )
    first = np.unique(which, return_index=True)[1]
    encoded = [encoding.encode(values[place]) for place in first]
    sizes = np.asarray([len(pairs) for pairs in encoded], np.int64)
    flat = np.asarray([pair for pairs in encoded for pair in pairs]).reshape(-1, 2)
    begins = np.cumsum(sizes) - sizes
    of_value = sizes[which]
    skipped = np.cumsum(of_value) - of_value
    entry = np.repeat(begins[which] - skipped, of_value) + np.arange(of_value.sum())
    return _Pairs(of_value, flat[entry, 0].astype(np.int64), flat[entry, 1])


def _interpolated(values: NDArray[np.float64], knots: NDArray[np.float64]) -> _Pairs:
    """As `Number.encode`, of many numbers at once; NaN is missing."""
    given = np.isfinite(values)
    inside = np.clip(np.where(given, values, knots[0]), knots[0], knots[-1])
    right = np.minimum(np.searchsorted(knots, inside, side="right"), len(knots) - 1)
    left = np.maximum(right - 1, 0)
    width = knots[right] - knots[left]
    share = np.where(width > 0, (inside - knots[left]) / np.where(width > 0, width, 1), 1.0)
    rows = np.where(given[:, None], np.stack([left + 1, right + 1], 1), MISSING)
    weights = np.where(given[:, None], np.stack([1 - share, share], 1), 1.0)
    kept = np.stack([np.ones_like(given), given], 1)  # one row for what is missing
    return _Pairs(kept.sum(1), rows[kept], weights[kept])


def _key(value: Any) -> Any:
    """The same for values that are encoded alike: Python takes 1, 1.0 and True for equal."""
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return type(value), value
