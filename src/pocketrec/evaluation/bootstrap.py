"""95 % intervals by resampling users: how much a figure would change with other users.

The interval is about users alone: the model, its training seed and the split are held fixed.
Source: Efron 1979; percentile intervals as in Efron and Tibshirani 1993, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError

TAILS = (2.5, 97.5)
"""Percentiles that leave 95 % between them."""

CELLS = 2**22
"""Most (resample, user) cells held at once: 32 MB of weights, whatever the number of users."""


@dataclass(frozen=True)
class Measure:
    """A figure and its 95 % interval, low <= value <= high."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three numbers by name."""
        return {"value": self.value, "low": self.low, "high": self.high}


def resamples(
    users: int, samples: int, seed: int, *, cells: int = CELLS
) -> Iterator[NDArray[np.float64]]:
    """Yield blocks (S, U) of weights: how often each resample of U users contains each user.

    Each row sums to U. Equal arguments give equal resamples, so that figures of different models
    over the same users are resampled together. A block holds at most `cells`
    weights, or one resample.
    """
    generator = np.random.default_rng(seed)
    block = max(1, cells // users)
    for first in range(0, samples, block):
        size = min(block, samples - first)
        sampled = generator.integers(0, users, (size, users))
        sampled += np.arange(size)[:, None] * users  # count all rows with one bincount
        counts = np.bincount(sampled.ravel(), minlength=size * users)
        yield counts.reshape(size, users).astype(np.float64)


def intervals(values: NDArray[np.float64], samples: int, seed: int) -> list[Measure]:
    """Means over users of each column of `values` (U, M), with percentile intervals -> M measures.

    All columns share the resamples: a block is one product, weights (S, U) @ values (U, M). A
    single user gives an interval of width zero, which has no meaning. Raises DataError without
    users, or if a value is not a number.
    """
    users = len(values)
    if not users:
        raise DataError(
            "there is no user to evaluate: the split left none with a target; prepare a larger log"
        )
    if not np.isfinite(values).all():
        raise DataError(
            "a metric is not a finite number for some user and has no mean: check the scorer"
        )
    means = values.mean(axis=0)
    sampled = np.concatenate([w @ values / users for w in resamples(users, samples, seed)])
    low, high = np.percentile(sampled, TAILS, axis=0)
    return [_measure(*triple) for triple in zip(means, low, high, strict=True)]


def interval(values: ArrayLike, samples: int, seed: int) -> Measure:
    """Mean over users of `values` (U,), with its percentile interval; see `intervals`."""
    return intervals(np.asarray(values, np.float64)[:, None], samples, seed)[0]


def paired_difference(values_a: ArrayLike, values_b: ArrayLike, samples: int, seed: int) -> Measure:
    """Mean over users of a - b, both (U,) of the SAME users in the same order, with its interval.

    It is much narrower than two separate intervals suggest, because hard users are hard for both.
    An interval above 0 says that a beats b on such users.
    """
    a, b = np.asarray(values_a, np.float64), np.asarray(values_b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"paired values must be of the same users: {a.shape} and {b.shape}")
    return interval(a - b, samples, seed)


def centred_interval(
    value: float,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    users: int,
    samples: int,
    seed: int,
) -> Measure:
    """Interval of a figure over all users together, such as a union: weights (S, U) -> (S,).

    A resample contains only 63 % of the users, so a union over it is always smaller, and plain
    percentiles would lie below the figure itself. They are shifted so that the resamples' mean
    falls on `value`.
    """
    sampled = np.concatenate([statistic(w) for w in resamples(users, samples, seed)])
    low, high = np.percentile(sampled, TAILS) - sampled.mean() + value
    return _measure(value, low, high)


def _measure(value: float, low: float, high: float) -> Measure:
    """Widen the interval to contain the value, which rounding or few resamples may exclude."""
    return Measure(float(value), float(min(low, value)), float(max(high, value)))
