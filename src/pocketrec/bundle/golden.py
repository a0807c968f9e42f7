"""Golden vectors: what a model answered to some histories on the machine that made it.

Every machine answers them again before its first recommendation, so kernels that compute something
else are noticed. `web/client/golden.js` is the same in JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

import numpy as np

from ..errors import BundleError
from ..schema import FloatArray, IntArray
from .contract import GraphSpec
from .device import DeviceModel
from .manifest import GoldenVector
from .query import Query

GOLDEN_TOLERANCE = {"float32": 1e-3, "int8": 0.2, "int4": 0.2, "pq": 0.2}
"""How far golden scores may differ between machines' kernels, in units of their spread.

Each quantized kernel rounds activations in its own way: the runtime's own two (XNNPACK and the
reference) differ by about 0.05. Only a kernel that computes something else differs by more.
"""

STEPPED = 10
"""Events of the longest golden history that is also answered by `step`, one call an event."""


def check_golden_form(manifest: Mapping[str, Any], spec: GraphSpec) -> None:
    """Raise BundleError unless the golden vectors have the form that `make_golden` gives."""
    shapes = spec.shapes
    try:
        for vector in manifest["golden"]:
            indices = [*vector["history"], *vector["ids"]]
            if any(type(index) is not int or not 1 <= index <= shapes.items for index in indices):
                raise ValueError("an index is not in the catalogue")
            if vector["features"].keys() != {feature.input for feature in spec.features}:
                raise ValueError("its features are not the model's")
            _query(vector, spec)
            if not 1 <= len(vector["ids"]) == len(vector["scores"]):
                raise ValueError("ids and scores differ in length, or are empty")
            if len(vector["adapted"]) != shapes.dim:
                raise ValueError("an adapted vector does not have the model's width")
            numbers = [*vector["scores"], *vector["adapted"]]
            if not all(type(number) is float and isfinite(number) for number in numbers):
                raise ValueError("a score is not a finite number")
        if manifest["quantization"] not in GOLDEN_TOLERANCE:
            raise ValueError(f"unknown quantization {manifest['quantization']!r}")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BundleError(f"the bundle's golden vectors cannot be used: {error!r}") from None


def make_golden(device: DeviceModel, histories: list[list[int]]) -> list[GoldenVector]:
    """What this file answers to some histories, for other runtimes to compare with.

    Feature rows are sampled at random, so that every input matters.
    """
    golden: list[GoldenVector] = []
    random = np.random.default_rng(2)
    for history in histories:
        features = {
            f.input: random.integers(0, f.encoding.rows, f.shape(len(history)), np.int32)
            for f in device.spec.features
        }
        ids, scores = device.recommend(Query(np.asarray(history, np.int32), features), k=10)
        golden.append(
            {
                "history": list(map(int, history)),
                "features": {name: rows.tolist() for name, rows in features.items()},
                "ids": ids.tolist(),
                "scores": _rounded(scores),
                "adapted": _rounded(_adapted(device, ids)),
            }
        )
    return golden


def _adapted(device: DeviceModel, ids: IntArray) -> FloatArray:
    """The user_vector (D,) after the first of some items was liked and the second disliked."""
    few = ids[: min(2, device.spec.shapes.candidates)]
    target = np.array([1, -1], np.float32)[: len(few)]
    return device.adapt(few, target, learning_rate=1.0)


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(value), 6) for value in values]


def _query(vector: dict[str, Any], spec: GraphSpec) -> Query:
    """What a golden vector asks; ValueError when its rows do not fit the features."""
    # An empty history's rows are [] in JSON, whatever the number of slots: shape (-1, M).
    shapes = {feature.input: feature.shape(-1) for feature in spec.features}
    features = {
        name: np.asarray(rows, np.int32).reshape(shapes[name])
        for name, rows in vector["features"].items()
    }
    return Query(np.asarray(vector["history"], np.int32), features)


def check_golden(manifest: Mapping[str, Any], device: DeviceModel) -> None:
    """Raise BundleError unless this machine's kernels give the recorded scores and vectors."""
    golden = manifest["golden"]
    limits = {}
    for name in ("scores", "adapted"):
        spread = float(np.std([value for vector in golden for value in vector[name]] or [0.0]))
        limits[name] = GOLDEN_TOLERANCE[manifest["quantization"]] * spread + 1e-5
    for vector in golden:
        query, ids = _query(vector, device.spec), np.asarray(vector["ids"], np.int32)
        answers = [
            ("scores", device.score(query, ids)),
            ("scores", device.recommend(query, k=len(ids))[1]),
            ("adapted", _adapted(device, ids)),
        ]
        if device.steps and len(query.history) <= min(STEPPED, device.spec.shapes.length):
            answers.append(("scores", _stepped(device, query, len(ids))))
        for name, values in answers:
            recorded = np.asarray(vector[name])
            same_size = values.shape == recorded.shape
            worst = float(np.abs(values - recorded).max(initial=0)) if same_size else inf
            if not worst <= limits[name]:
                raise BundleError(
                    "the model does not answer a golden history as it did where it was made "
                    f"({name} differ by {worst:.3g}): this machine's kernels compute something else"
                )


def _stepped(device: DeviceModel, query: Query, k: int) -> FloatArray:
    """The scores of a list, best first, reached event by event."""
    state, _ = device.states(query)
    _, (_, scores) = device.step(state, query, k=k)
    return scores
