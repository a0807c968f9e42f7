"""Values of a feature -> rows of its table.

Needs no training stack, since the device's side reads it too. Attributes of items become rows
with weights, summed before anything ships (`encode`); what an app sends becomes plain rows
(`Feature.rows`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Any, Literal, TypeGuard, get_args

import numpy as np

from ..errors import InputError, shown

FeatureKind = Literal["category", "number"]
TimeFeature = Literal["gap", "now", "hour", "weekday"]

MISSING = 0
"""Row of a value that is missing, or that training never saw: it is trained like any other."""

MOST_SLOTS = 2**16
"""Values at once; a manifest that tells of more is refused before they fill the memory."""

WeightedRows = list[tuple[int, float]]
"""What a value is made of: (row of the feature's table, weight)."""


@dataclass(frozen=True)
class Categories:
    """One value, or several at once: n of them count n^-0.5 each, so that none drowns the item."""

    values: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.values) + 1

    def encode(self, value: Any) -> WeightedRows:
        """A string, a number or a list of them; None and an empty list are missing."""
        rows = [self._row_of.get(one, MISSING) for one in texts(value)]
        return [(row, 1 / sqrt(len(rows))) for row in rows] or [(MISSING, 1.0)]

    def known(self, value: Any) -> list[int]:
        """Rows of the values that training saw, each once, in the order given.

        InputError for what is no text, number, truth value, None or list of them.
        """
        return list(dict.fromkeys(self._row_of[one] for one in self._told(value) if one in self))

    def unknown(self, value: Any) -> list[str]:
        """The values that training never saw; errors as of `known`."""
        return [one for one in self._told(value) if one not in self]

    def __contains__(self, text: str) -> bool:
        return text in self._row_of

    def _told(self, value: Any) -> Iterable[str]:
        for one in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(one, str | bool | None) and not _is_real(one):
                raise InputError(f"{shown(one)} is neither text nor a number")
        return texts(value)

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

    def encode(self, value: Any) -> WeightedRows:
        """A number; None, NaN and infinity are missing. InputError for anything else."""
        if not _is_given(value) or not self.knots:
            return [(MISSING, 1.0)]
        inside = float(min(max(value, self.knots[0]), self.knots[-1]))
        right = min(bisect_right(self.knots, inside), len(self.knots) - 1)
        left = max(right - 1, 0)
        width = self.knots[right] - self.knots[left]
        share = (inside - self.knots[left]) / width if width else 1.0
        return [(left + 1, 1 - share), (right + 1, share)]


@dataclass(frozen=True)
class Bins:
    """One row for each stretch between two `edges`, which rise; an edge begins its stretch."""

    edges: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Rows of the feature's table, MISSING included."""
        return len(self.edges) + 2

    def known(self, value: Any) -> list[int]:
        """The row of a number; none for None, NaN and infinity. InputError for anything else."""
        return [1 + bisect_right(self.edges, value)] if _is_given(value) else []


Encoding = Categories | Number
"""Of an item's attribute."""


@dataclass(frozen=True)
class Feature:
    """What an app tells of each event, or of the user, beside item ids: an input of the graph.

    `slots` is M, the most values at once. `time` says that the value is made of the events' times:
    "gap" seconds since the event before, "now" seconds until the next event or, for the newest,
    until the moment of asking; "hour" 0-23 and "weekday" 0-6 from Monday, of the event, in UTC.
    """

    name: str
    of: Literal["event", "user"]
    encoding: Categories | Bins
    slots: int = 1
    time: TimeFeature | None = None

    @property
    def input(self) -> str:
        """Name of the tensor: int32 (1, L, M) of events, (1, M) of the user."""
        return f"{self.of}_{plain_name(self.name)}"

    def shape(self, events: int) -> tuple[int, ...]:
        """Of the rows of a history with so many events: (events, M); (M,) of the user."""
        return (events, self.slots) if self.of == "event" else (self.slots,)

    def rows(self, value: Any) -> list[int]:
        """The M rows that a plain value becomes; values unknown to training are as if not given.

        NumPy's numbers and arrays are as Python's own. InputError for a value of another kind.
        """
        try:
            known = self.encoding.known(_plain(value))[: self.slots]
        except InputError as error:
            raise InputError(f"feature '{self.name}': {error}") from None
        return known + [MISSING] * (self.slots - len(known))

    def unknown(self, value: Any) -> list[str]:
        """The values of a category that training never saw; errors as of `rows`."""
        if isinstance(self.encoding, Bins):
            return []
        return self.encoding.unknown(_plain(value))

    def to_json(self) -> dict[str, Any]:
        """As manifests keep it."""
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
        """What `to_json` gave; ValueError, KeyError or TypeError for anything else."""
        found = entry["encoding"]
        encoding: Categories | Bins
        if found["kind"] == "category":
            encoding = Categories(tuple(found["values"]))
            plain = all(type(value) is str for value in encoding.values)
        else:
            encoding = Bins(tuple(found["edges"]))
            plain = all(type(e) in (int, float) and is_number(e) for e in encoding.edges)
            plain = plain and list(encoding.edges) == sorted(encoding.edges)
        feature = cls(entry["name"], entry["of"], encoding, entry["slots"], entry["time"])
        slots = type(feature.slots) is int and 1 <= feature.slots <= MOST_SLOTS
        if not plain or not slots:
            raise ValueError(f"feature {feature.name!r} has an encoding that cannot be used")
        told = isinstance(feature.name, str) and feature.of in ("event", "user")
        timed = feature.time is None or feature.time in get_args(TimeFeature)
        if not (told and timed) or feature.to_json() != entry:
            raise ValueError(f"feature {feature.name!r} is not described as it should be")
        return feature


def plain_name(name: str) -> str:
    """A column's name with nothing but a-z, 0-9 and _, as names of inputs must be."""
    return re.sub("[^a-z0-9]+", "_", name.lower())


def time_feature(name: TimeFeature) -> Feature:
    """A feature made of times; its encoding is fixed, for no log is too small for it."""
    size = {"hour": 24, "weekday": 7}.get(name)
    encoding = Categories(tuple(map(str, range(size)))) if size else Bins(GAP_EDGES)
    return Feature(name, "event", encoding, time=name)


GAP_EDGES = tuple(float(2**power) for power in range(27))
"""Seconds, each edge twice the one before: from one second to two years."""


def texts(value: Any) -> Iterable[str]:
    """A category's value, or several, as text: 7, 7.0 and "7" are the same one."""
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, bool):
            yield str(one).lower()
        elif isinstance(one, float) and one.is_integer():
            yield str(int(one))
        elif isinstance(one, int):
            yield digits(one)
        elif one is not None and one == one:  # NaN is not itself
            yield str(one)


def digits(number: int) -> str:
    """An integer as text; one that Python calls too long to write as no text that is in use."""
    try:
        return str(int(number))
    except ValueError:
        return hex(number)


_REAL = (int, float, np.integer, np.floating)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number, Python's or NumPy's, and no truth value."""
    return _is_real(value) and -inf < value < inf


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer, Python's or NumPy's, and no truth value."""
    return _is_real(value) and isinstance(value, int | np.integer)


def _is_real(value: Any) -> TypeGuard[float]:
    # NumPy calls a span of time an integer.
    return isinstance(value, _REAL) and not isinstance(value, bool | np.timedelta64)


def _is_given(value: Any) -> TypeGuard[float]:
    """Whether a number is told: None, NaN and infinity are not; InputError for what is none."""
    if value is not None and not _is_real(value):
        raise InputError(f"{shown(value)} is no number")
    return is_number(value)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's own, in a list too."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, list | tuple):
        return [one.item() if isinstance(one, np.generic) else one for one in value]
    return value
