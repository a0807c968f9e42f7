"""Encode attributes of items (genre, year, brand) as weighted rows of one table.

`add-items` uses this without the training stack, so it needs NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schema import FloatArray, IntArray
from .encoding import MISSING, Categories, Encoding, FeatureKind, Number
from .values import texts

KNOTS = 17
"""Quantiles that a number is interpolated between: enough for a curve, few enough to learn."""


@dataclass(frozen=True)
class ItemAttributes:
    """The encoded attributes of item i: row i of `rows` (V + 1, M) and of `weights` (V + 1, M).

    All attributes share one table of A = `table_rows` embeddings, one attribute after another. M is
    the most rows that an item has; unused ones have weight 0. Item 0, padding, has none.
    """

    encodings: dict[str, Encoding]
    rows: IntArray
    weights: FloatArray

    @property
    def table_rows(self) -> int:
        """A, the number of rows in the table that all attributes share."""
        return sum(encoding.rows for encoding in self.encodings.values())

    @property
    def matrix(self) -> FloatArray:
        """The weights as a dense matrix (V, A), without padding."""
        dense = np.zeros((len(self.rows), self.table_rows), np.float32)
        # add.at and not assignment: an item's unused places all point to row 0, with weight 0.
        np.add.at(dense, (np.arange(len(self.rows))[:, None], self.rows), self.weights)
        return dense[1:]


def fit_encoding(values: Iterable[Any], kind: FeatureKind) -> Encoding:
    """Fit the encoding of one attribute to the values that items have; None is missing."""
    if kind == "category":
        distinct = {_key(value): value for value in values}
        return Categories(tuple(sorted({text for v in distinct.values() for text in texts(v)})))
    numbers = np.asarray([value for value in values if value is not None], np.float64)
    if not len(numbers):
        return Number(())
    return Number(tuple(np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS))).tolist()))


def encode_attributes(
    values: Mapping[str, Sequence[Any]], encodings: Mapping[str, Encoding]
) -> ItemAttributes:
    """Encode attributes of items; each attribute is a list of values, in order of item index."""
    count = max(map(len, values.values()), default=0)
    encoded = [_encode_column(values[name], encoding) for name, encoding in encodings.items()]
    sizes = np.zeros(count, np.int64)
    for column in encoded:
        sizes[: len(column.sizes)] += column.sizes
    rows = np.zeros((count + 1, sizes.max(initial=0)), np.int32)
    weights = np.zeros(rows.shape, np.float32)
    filled, first_row = np.zeros(count, np.int64), 0
    for column, encoding in zip(encoded, encodings.values(), strict=True):
        # Each item's pairs go behind those of its earlier attributes.
        item = np.repeat(np.arange(len(column.sizes)), column.sizes)
        starts = np.cumsum(column.sizes) - column.sizes
        place = filled[item] + np.arange(len(item)) - starts[item]
        rows[item + 1, place] = first_row + column.rows
        weights[item + 1, place] = column.weights
        filled[: len(column.sizes)] += column.sizes
        first_row += encoding.rows
    return ItemAttributes(dict(encodings), rows, weights)


@dataclass(frozen=True)
class _EncodedColumn:
    """An encoded attribute: value i has sizes[i] pairs of a row and a weight, in order of i."""

    sizes: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


def _encode_column(values: Sequence[Any], encoding: Encoding) -> _EncodedColumn:
    """Apply `encoding.encode` to each value; equal values are encoded once."""
    are_floats = {type(value) for value in values} <= {float, type(None)}
    if isinstance(encoding, Number) and encoding.knots and are_floats:
        return _interpolate(np.asarray(values, np.float64), np.asarray(encoding.knots))
    number_of: dict[Any, int] = {}
    distinct = np.asarray(
        [number_of.setdefault(_key(value), len(number_of)) for value in values], np.int64
    )
    first = np.unique(distinct, return_index=True)[1]
    encoded = [encoding.encode(values[place]) for place in first]
    sizes = np.asarray([len(pairs) for pairs in encoded], np.int64)
    flat = np.asarray([pair for pairs in encoded for pair in pairs]).reshape(-1, 2)
    # For each value, copy the slice of `flat` that its distinct value has.
    starts = np.cumsum(sizes) - sizes
    value_sizes = sizes[distinct]
    value_starts = np.cumsum(value_sizes) - value_sizes
    pair = np.repeat(starts[distinct] - value_starts, value_sizes) + np.arange(value_sizes.sum())
    return _EncodedColumn(value_sizes, flat[pair, 0].astype(np.int64), flat[pair, 1])


def _interpolate(values: NDArray[np.float64], knots: NDArray[np.float64]) -> _EncodedColumn:
    """`Number.encode` for many numbers at once; NaN and infinity are missing."""
    is_present = np.isfinite(values)
    inside = np.clip(np.where(is_present, values, knots[0]), knots[0], knots[-1])
    right = np.minimum(np.searchsorted(knots, inside, side="right"), len(knots) - 1)
    left = np.maximum(right - 1, 0)
    width = knots[right] - knots[left]
    share = np.where(width > 0, (inside - knots[left]) / np.where(width > 0, width, 1), 1.0)
    rows = np.where(is_present[:, None], np.stack([left + 1, right + 1], 1), MISSING)
    weights = np.where(is_present[:, None], np.stack([1 - share, share], 1), 1.0)
    # A missing value has one pair, any other has two.
    is_used = np.stack([np.ones_like(is_present), is_present], 1)
    return _EncodedColumn(is_used.sum(1), rows[is_used], weights[is_used])


def _key(value: Any) -> Any:
    """A dictionary key that tells 1, 1.0 and True apart, which Python considers equal."""
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return type(value), value
