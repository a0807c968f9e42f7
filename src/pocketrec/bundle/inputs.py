"""A query -> the input tensors of a signature, checked and padded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..features.encoding import MISSING, Feature
from ..features.values import is_number
from ..schema import PADDING, FloatArray, IntArray, Signature
from .contract import NEWEST, GraphSpec
from .query import Query, VectorLike

LARGEST_OF_STATE = 1e9
"""Largest number of a state: its squares, which norms sum, stay finite."""

LARGEST = 1e4
"""Largest number of a user_vector: logits then stay finite, and far from MASKED."""

Inputs = dict[str, npt.NDArray[Any]]
"""Tensors of one call by the names of the signature's inputs."""


class InputBuilder:
    """Builds the inputs of each signature; InputError for values that the model cannot take."""

    def __init__(self, spec: GraphSpec) -> None:
        self._spec = spec
        self._shapes = spec.shapes

    def empty(self) -> dict[str, Inputs]:
        """Inputs of every signature about a user of whom nothing is known."""
        # Padding, missing rows and vectors that change nothing are all zeros.
        return {
            name: {i: np.zeros(tensor.shape, tensor.dtype) for i, tensor in spec.inputs.items()}
            for name, spec in self._spec.signatures().items()
        }

    def to_block(self, query: Query) -> IntArray:
        """Items (n,) that the graph must be told to mask, sorted: blocked ones, and those seen
        before the newest L events, which the graph does not read."""
        blocked = np.unique(query.blocked) if len(query.blocked) else query.blocked
        older = query.history[: -self._shapes.length]  # empty unless the history exceeds L
        if self._spec.exclude_seen and len(older):
            blocked = np.union1d(blocked, older).astype(np.int32)
        self._check(blocked)
        return blocked

    def recommend(self, query: Query, blocked: IntArray) -> Inputs:
        """Inputs of `recommend`; of the items to block (n,) the first N."""
        return {**self._whole(query), Signature.BLOCKED: self._blocked(blocked)}

    def step(self, query: Query, blocked: IntArray, state: VectorLike) -> Inputs:
        """Inputs of `step`, from the state (S,) before the newest two events."""
        inputs = self._user(query)
        for feature in self._spec.features:
            rows = self._rows(feature, query, NEWEST)
            tensor = np.zeros(self._spec.input_of(feature, NEWEST).shape, np.int32)
            # The newest event comes last; a history of one event leaves the first place missing.
            tensor[0, tensor.shape[1] - len(rows) :] = rows
            inputs[feature.input] = tensor
        inputs[Signature.STATE] = self._state(state)
        inputs[Signature.BLOCKED] = self._blocked(blocked)
        return inputs

    def score(self, query: Query, candidates: IntArray) -> Iterator[Inputs]:
        """Inputs of each call of `score` that candidates (n,) take, C candidates a call."""
        self._check(candidates)
        inputs, width = self._whole(query), self._shapes.candidates
        for begin in range(0, len(candidates), width):
            some = padded(candidates[begin : begin + width], width)
            yield {**inputs, Signature.CANDIDATES: some}

    def adapt(
        self,
        candidates: IntArray,
        target: FloatArray,
        learning_rate: float,
        user_vector: VectorLike | None,
    ) -> Inputs:
        """Inputs of `adapt`: candidates (n,) and their targets (n,), 1 <= n <= C."""
        self._check(candidates)
        width = self._shapes.candidates
        if target.shape != candidates.shape or not 1 <= len(candidates) <= width:
            raise InputError(f"adapt takes 1 to {width} candidates and a target for each")
        if not (np.abs(target) <= 1).all():
            raise InputError("targets of adapt are numbers from -1, disliked, to 1, liked")
        if not is_number(learning_rate) or not 0 <= learning_rate <= LARGEST:
            raise InputError(f"learning_rate must be a number from 0 to {LARGEST:g}")
        return {
            Signature.USER_VECTOR: self._vector(user_vector),
            Signature.CANDIDATES: padded(candidates, width),
            Signature.TARGET: padded(target, width, np.float32),
            Signature.LEARNING_RATE: np.full((1, 1), learning_rate, np.float32),
        }

    def _whole(self, query: Query) -> Inputs:
        """Inputs of the signatures that read the whole history, that is its newest L events."""
        inputs = self._user(query)
        for feature in self._spec.features:
            rows = self._rows(feature, query, self._shapes.length)
            tensor = np.zeros(self._spec.input_of(feature).shape, np.int32)  # MISSING
            tensor[0, : len(rows)] = rows
            inputs[feature.input] = tensor
        return inputs

    def _user(self, query: Query) -> Inputs:
        newest = query.history[-self._shapes.length :]
        self._check(newest)
        return {
            Signature.ITEM_ID: padded(newest, self._shapes.length),
            Signature.USER_VECTOR: self._vector(query.user_vector),
        }

    def _blocked(self, blocked: IntArray) -> IntArray:
        return padded(blocked[: self._shapes.blocked], self._shapes.blocked)

    def _state(self, state: VectorLike) -> FloatArray:
        """A state (S,) as the graph takes it, (1, S)."""
        numbers, most = np.asarray(state), LARGEST_OF_STATE
        if numbers.shape != (self._shapes.state,) or not (np.abs(numbers) <= most).all():
            raise InputError(
                f"state must be {self._shapes.state} numbers from {-most:g} to {most:g}"
            )
        return numbers.astype(np.float32)[None]

    def _vector(self, user_vector: VectorLike | None) -> FloatArray:
        """A user_vector (D,) as the graph takes it, (1, D); None: zeros, which change nothing."""
        vector: FloatArray = np.zeros((1, self._shapes.dim), np.float32)
        if user_vector is not None:
            numbers = np.asarray(user_vector)
            # NaN fails this comparison too.
            if numbers.shape != (self._shapes.dim,) or not (np.abs(numbers) <= LARGEST).all():
                raise InputError(
                    f"user_vector must be {self._shapes.dim} numbers from {-LARGEST:g} to "
                    f"{LARGEST:g}"
                )
            vector[0] = numbers
        return vector

    def _rows(self, feature: Feature, query: Query, most: int) -> IntArray:
        """Rows of the newest `most` events, or of the user; none where the feature is missing."""
        rows = query.features.get(feature.input)
        if rows is None:
            return np.zeros(feature.shape(0), np.int32)[:0]
        shape, last = feature.shape(len(query.history)), feature.encoding.rows - 1
        right_shape = rows.shape == shape
        # Older rows are not looked at, so a long history costs no more than its newest events.
        newest = rows[-most:] if feature.of == "event" and right_shape else rows
        if not right_shape or not within(newest, MISSING, last):
            raise InputError(f"feature '{feature.name}' must be rows 0..{last} of shape {shape}")
        return newest

    def _check(self, indices: IntArray) -> None:
        """Raise InputError unless the catalogue has all of these indices."""
        if not within(indices, PADDING + 1, self._shapes.items):
            raise InputError(f"item indices must lie in 1..{self._shapes.items}")


def within(values: IntArray, low: int, high: int) -> bool:
    """Whether all of some integers lie in low..high."""
    if not values.size:
        return True
    # values.min() goes through a wrapper in Python, which shows in calls as short as `step`.
    return bool(np.minimum.reduce(values, axis=None) >= low) and bool(
        np.maximum.reduce(values, axis=None) <= high
    )


def padded(
    values: npt.NDArray[Any] | list[int], width: int, dtype: npt.DTypeLike = np.int32
) -> npt.NDArray[Any]:
    """Values (n,), then zeros: (1, width)."""
    tensor = np.zeros((1, width), dtype)
    tensor[0, : len(values)] = values
    return tensor
