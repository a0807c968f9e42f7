"""Encode values of a feature as rows of its table.

The light runtime uses this too, so it needs no training stack. Attributes of items become rows with
weights, which are summed at export (`encode`); values that an app sends become rows without weights
(`Feature.rows`). web/client/encoding.js does the same in JavaScript.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, Literal, TypeGuard, get_args

from ..errors import InputError, shown
from .values import is_number, is_real, plain_name, texts, to_python

FeatureKind = Literal["category", "number"]
TimeFeature = Literal["gap", "now", "hour", "weekday"]

MISSING = 0
"""Row of a value that is missing or that training never saw; it is trained like any other row."""

MOST_SLOTS = 2**16
"""Limit of values at once: a manifest with more is refused before they fill the memory."""

GAP_EDGES = tuple(float(2**power) for power in range(27))
"""In seconds, each edge twice the one before: from one second to two years."""

WeightedRows = list[tuple[int, float]]
"""The encoding of a value: pairs of (row of the feature's table, weight)."""


@dataclass(frozen=True)
class Categories:
    """A row for each value; n values at once weigh n^-0.5 each, to keep the scale of their sum."""

    values: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.values) + 1

    def encode(self, value: Any) -> WeightedRows:
        """Encode a string, a number or a list of them; None and an empty list are missing."""
        rows = [self._row_of.get(one, MISSING) for one in texts(value)]
        return [(row, 1 / sqrt(len(rows))) for row in rows] or [(MISSING, 1.0)]

    def known(self, value: Any) -> list[int]:
        """Rows of the values that training saw, without duplicates, in the caller's order.

        InputError for anything but text, a number, a bool, None or a list of them.
        """
        known = (text for text in self._check_texts(value) if text in self)
        return list(dict.fromkeys(self._row_of[text] for text in known))

    def unknown(self, value: Any) -> list[str]:
        """The values that training never saw; errors are those of `known`."""
        return [text for text in self._check_texts(value) if text not in self]

    def __contains__(self, text: str) -> bool:
        return text in self._row_of

    def _check_texts(self, value: Any) -> Iterable[str]:
        for one in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(one, str | bool | None) and not is_real(one):
                raise InputError(f"{shown(one)} is neither text nor a number")
        return texts(value)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {value: row for row, value in enumerate(self.values, start=1)}


@dataclass(frozen=True)
class Number:
    """A row for each of the `knots`; a value between two of them interpolates their rows.

    Values outside the knots are encoded as the nearest one.
    """

    knots: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.knots) + 1

    def encode(self, value: Any) -> WeightedRows:
        """Encode a number; None, NaN and infinity are missing. InputError for anything else."""
        if not _is_present(value) or not self.knots:
            return [(MISSING, 1.0)]
        inside = float(min(max(value, self.knots[0]), self.knots[-1]))
        right = min(bisect_right(self.knots, inside), len(self.knots) - 1)
        left = max(right - 1, 0)
        width = self.knots[right] - self.knots[left]
        share = (inside - self.knots[left]) / width if width else 1.0
        return [(left + 1, 1 - share), (right + 1, share)]


@dataclass(frozen=True)
class Bins:
    """A row for each interval between two of the ascending `edges`; an edge starts its interval."""

    edges: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.edges) + 2  # n edges bound n + 1 intervals

    def known(self, value: Any) -> list[int]:
        """The row of a number; none for None, NaN and infinity. InputError for anything else."""
        return [1 + bisect_right(self.edges, value)] if _is_present(value) else []


Encoding = Categories | Number
"""Encodings that an item's attribute may have."""


@dataclass(frozen=True)
class Feature:
    """An input of the graph beside item ids: a value that an app sends with each event, or once
    for the user.

    `slots` is M, the most values at once. With `time`, the value is computed from the times of
    events: "gap" is seconds since the event before; "now" is seconds until the next event or, for
    the newest, until the request; "hour" (0-23) and "weekday" (0-6 from Monday) are the event's,
    in UTC.
    """

    name: str
    of: Literal["event", "user"]
    encoding: Categories | Bins
    slots: int = 1
    time: TimeFeature | None = None

    @property
    def input(self) -> str:
        """Name of the tensor: int32 (1, L, M) for events, (1, M) for the user."""
        return f"{self.of}_{plain_name(self.name)}"

    def shape(self, events: int) -> tuple[int, ...]:
        """Shape of the feature rows of a history: (events, M), or (M,) for the user."""
        return (events, self.slots) if self.of == "event" else (self.slots,)

    def rows(self, value: Any) -> list[int]:
        """The M rows of a value; values that training never saw are dropped.

        NumPy numbers and arrays are accepted too. InputError for a value of another type.
        """
        try:
            known = self.encoding.known(to_python(value))[: self.slots]
        except InputError as error:
            raise InputError(f"feature '{self.name}': {error}") from None
        return known + [MISSING] * (self.slots - len(known))

    def unknown(self, value: Any) -> list[str]:
        """The values of a category that training never saw; errors are those of `rows`."""
        if isinstance(self.encoding, Bins):
            return []
        return self.encoding.unknown(to_python(value))

    def to_json(self) -> dict[str, Any]:
        """The feature as manifests store it."""
        encoding: dict[str, Any]
        if isinstance(self.encoding, Categories):
            encoding = {"kind": "category", "values": list(self.encoding.values)}
        else:
            encoding = {"kind": "bins", "edges": list(self.encoding.edges)}
        return {
            "name": self.name,
            "of": self.of,
            "time": self.time,
            "slots": self.slots,
            "rows": self.encoding.rows,
            "encoding": encoding,
        }

    @classmethod
    def from_json(cls, entry: Any) -> Feature:
        """Parse what `to_json` returned; ValueError, KeyError or TypeError for anything else."""
        stored = entry["encoding"]
        encoding: Categories | Bins
        if stored["kind"] == "category":
            encoding = Categories(tuple(stored["values"]))
            is_usable = all(type(value) is str for value in encoding.values)
        else:
            encoding = Bins(tuple(stored["edges"]))
            # type() rather than isinstance: JSON's true is a bool, and so an int.
            is_usable = all(type(e) in (int, float) and is_number(e) for e in encoding.edges)
            is_usable = is_usable and list(encoding.edges) == sorted(encoding.edges)
        feature = cls(entry["name"], entry["of"], encoding, entry["slots"], entry["time"])
        has_slots = type(feature.slots) is int and 1 <= feature.slots <= MOST_SLOTS
        if not is_usable or not has_slots:
            raise ValueError(f"feature {feature.name!r} has an encoding that cannot be used")
        is_named = isinstance(feature.name, str) and feature.of in ("event", "user")
        is_timed = feature.time is None or feature.time in get_args(TimeFeature)
        # Comparing the whole entry refuses keys that are missing, unknown or inconsistent.
        if not (is_named and is_timed) or feature.to_json() != entry:
            raise ValueError(f"feature {feature.name!r} is not described as the format requires")
        return feature


def time_feature(name: TimeFeature) -> Feature:
    """A feature computed from times; its encoding is fixed, so that it needs no log to fit it."""
    size = {"hour": 24, "weekday": 7}.get(name)
    encoding = Categories(tuple(map(str, range(size)))) if size else Bins(GAP_EDGES)
    return Feature(name, "event", encoding, time=name)


def _is_present(value: Any) -> TypeGuard[float]:
    """False for None, NaN and infinity, which are missing; InputError for what is no number."""
    if value is not None and not is_real(value):
        raise InputError(f"{shown(value)} is not a number")
    return is_number(value)
