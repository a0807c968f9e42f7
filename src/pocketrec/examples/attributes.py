"""Attributes of items (genre, year, brand): which of them a model reads, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..encoding import Categories, Encoding, FeatureKind, Number
from ..errors import ConfigError
from ..schema import Column, FloatArray, IntArray

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


def read_attributes(
    catalogue: pl.DataFrame, kinds: Mapping[str, FeatureKind]
) -> ItemAttributes | None:
    """Encode the attributes that [features.item] names, for items in order of their index.

    Raises ConfigError for an attribute that the catalogue does not have, or not of that kind.
    """
    if not kinds:
        return None
    encodings = {name: fit(catalogue, name, kind) for name, kind in kinds.items()}
    made: list[list[tuple[int, float]]] = [[] for _ in range(catalogue.height + 1)]
    first = 0
    for name, encoding in encodings.items():
        for item, value in enumerate(catalogue[name].to_list(), start=1):
            made[item] += [(first + row, weight) for row, weight in encoding.encode(value)]
        first += encoding.rows
    rows = np.zeros((len(made), max(map(len, made))), np.int32)
    weights = np.zeros(rows.shape, np.float32)
    for item, pairs in enumerate(made):
        for place, (row, weight) in enumerate(pairs):
            rows[item, place], weights[item, place] = row, weight
    return ItemAttributes(encodings, rows, weights)


def fit(catalogue: pl.DataFrame, name: str, kind: FeatureKind) -> Encoding:
    """The encoding of one attribute, from the values that the catalogue has."""
    fixed = {Column.INDEX, Column.ITEM, Column.COUNT, Column.TITLE}
    known = [column for column in catalogue.columns if column not in fixed]
    if name not in known:
        has = f"it has {', '.join(known)}" if known else "it has no attributes"
        raise ConfigError(f"features.item.{name}: the catalogue has no such attribute; {has}")
    column = catalogue[name]
    if kind == "category":
        values = column.explode() if isinstance(column.dtype, pl.List) else column
        return Categories(tuple(sorted({str(value) for value in values.drop_nulls()})))
    if not column.dtype.is_numeric():
        raise ConfigError(
            f'features.item.{name} = "number", but the catalogue has text in it: "category" fits'
        )
    numbers = column.drop_nulls().cast(pl.Float64)
    if numbers.is_empty():
        return Number(())
    knots = np.unique(np.quantile(numbers.to_numpy(), np.linspace(0, 1, KNOTS)))
    return Number(tuple(knots.tolist()))
