"""What a graph's signatures are fed: histories, rows, vectors and states, checked and padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..features.encoding import MISSING, Feature
from ..schema import PADDING, FeatureRows, FloatArray, IntArray, Signature
from .contract import NEWEST, Shapes

VectorLike = npt.NDArray[np.float32] | npt.NDArray[np.float64]

LARGEST_OF_STATE = 1e9
"""Largest number of a state: squares of it, in the norms, stay finite."""

LARGEST = 1e4
"""Largest number of a user_vector: logits stay far from MASKED then, and finite."""


class Feed:
    """Fills the inputs of one model; InputError for what it cannot take."""

    def __init__(self, shapes: Shapes, features: Sequence[Feature]) -> None:
        self._shapes = shapes
        self._features = features

    def history(
        self, history: IntArray, user_vector: VectorLike | None, features: FeatureRows | None
    ) -> dict[str, Any]:
        """Inputs of the signatures that look at the whole history, its newest L events."""
        feed = self._asked(history, user_vector)
        for feature in self._features:
            newest = self._rows(feature, features, history, self._shapes.length)
            feed[feature.input] = rows = np.zeros(self._shapes.rows(feature), np.int32)  # MISSING
            rows[0, : len(newest)] = newest
        return feed

    def newest(
        self, history: IntArray, user_vector: VectorLike | None, features: FeatureRows | None
    ) -> dict[str, Any]:
        """Inputs of `step`, which takes the rows of two events, the newest in the last place."""
        feed = self._asked(history, user_vector)
        for feature in self._features:
            newest = self._rows(feature, features, history, NEWEST)
            feed[feature.input] = rows = np.zeros((1, *feature.shape(NEWEST)), np.int32)
            rows[0, rows.shape[1] - len(newest) :] = newest
        return feed

    def _asked(self, history: IntArray, user_vector: VectorLike | None) -> dict[str, Any]:
        newest = history[-self._shapes.length :]
        self.check(newest)
        return {
            Signature.ITEM_ID: padded(newest, self._shapes.length),
            Signature.USER_VECTOR: self.vector(user_vector),
        }

    def state(self, state: VectorLike) -> FloatArray:
        """A state (S,) as the graph takes it, (1, S)."""
        given = np.asarray(state)
        most = LARGEST_OF_STATE
        if given.shape != (self._shapes.state,) or not (np.abs(given) <= most).all():
            raise InputError(
                f"state must be {self._shapes.state} numbers from {-most:g} to {most:g}"
            )
        return given.astype(np.float32)[None]

    def vector(self, user_vector: VectorLike | None) -> FloatArray:
        """A user_vector (D,) as the graph takes it, (1, D); None: zeros, which change nothing."""
        vector: FloatArray = np.zeros((1, self._shapes.dim), np.float32)
        if user_vector is not None:
            given = np.asarray(user_vector)
            if given.shape != (self._shapes.dim,) or not (np.abs(given) <= LARGEST).all():
                raise InputError(
                    f"user_vector must be {self._shapes.dim} numbers from {-LARGEST:g} to "
                    f"{LARGEST:g}"
                )
            vector[0] = given
        return vector

    def _rows(
        self, feature: Feature, features: FeatureRows | None, history: IntArray, most: int
    ) -> IntArray:
        """The rows of the newest `most` events, or of the user; none where none are given."""
        rows = features.get(feature.input) if features else None
        if rows is None:
            return np.zeros(feature.shape(0), np.int32)[:0]
        shape = feature.shape(len(history))
        last = feature.encoding.rows - 1
        newest = rows[-most:] if feature.of == "event" and rows.shape == shape else rows
        if rows.shape != shape or not within(newest, MISSING, last):
            raise InputError(f"feature '{feature.name}' must be rows 0..{last} of shape {shape}")
        return newest

    def check(self, indices: IntArray) -> None:
        """Raise InputError unless the catalogue has all of these indices."""
        if not within(indices, PADDING + 1, self._shapes.items):
            raise InputError(f"item indices must lie in 1..{self._shapes.items}")


def within(values: IntArray, low: int, high: int) -> bool:
    """Whether all of some integers lie in low..high."""
    if not values.size:
        return True
    return bool(np.minimum.reduce(values, axis=None) >= low) and bool(
        np.maximum.reduce(values, axis=None) <= high
    )


def padded(
    values: npt.NDArray[Any] | list[int], width: int, dtype: npt.DTypeLike = np.int32
) -> npt.NDArray[Any]:
    """Values (n,), then zeros: (1, width)."""
    found = np.zeros((1, width), dtype)
    found[0, : len(values)] = values
    return found
