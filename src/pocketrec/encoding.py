"""Values of a feature -> rows of its table, with weights.

Pure Python, since the device's side needs it too.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, sqrt
from typing import Any, Literal

FeatureKind = Literal["category", "number"]

MISSING = 0
"""Row of a value that is missing, or that training never saw: it is trained like any other."""

Rows = list[tuple[int, float]]
"""What a value is made of: (row of the feature's table, weight)."""


@dataclass(frozen=True)
class Categories:
    """One value, or several at once: n of them count n^-0.5 each, so that none drowns the item."""

    values: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.values) + 1

    def encode(self, value: Any) -> Rows:
        """A string, a number or a list of them; None and an empty list are missing."""
        several = value if isinstance(value, list) else [value]
        rows = [self._row_of.get(str(one), MISSING) for one in several if one is not None]
        return [(row, 1 / sqrt(len(rows))) for row in rows] or [(MISSING, 1.0)]

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {value: row for row, value in enumerate(self.values, start=1)}


@dataclass(frozen=True)
class Number:
    """A place between two of the `knots`, whose rows share it; beyond the ends, the end."""

    knots: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.knots) + 1

    def encode(self, value: Any) -> Rows:
        """A number; None, NaN and infinity are missing."""
        if value is None or not isfinite(value) or not self.knots:
            return [(MISSING, 1.0)]
        inside = min(max(float(value), self.knots[0]), self.knots[-1])
        right = min(bisect_right(self.knots, inside), len(self.knots) - 1)
        left = max(right - 1, 0)
        width = self.knots[right] - self.knots[left]
        share = (inside - self.knots[left]) / width if width else 1.0
        return [(left + 1, 1 - share), (right + 1, share)]


Encoding = Categories | Number
