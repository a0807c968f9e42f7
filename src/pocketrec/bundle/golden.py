"""Golden vectors: what a model answers to some histories where it was made.

They are answered again wherever it runs, before the first recommendation, so that kernels which
compute something else are found. `web/client/golden.js` is the same in JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from ..errors import BundleError
from ..features.encoding import Feature
from ..schema import FloatArray, IntArray
from .contract import Shapes
from .device import DeviceModel

GOLDEN_TOLERANCE = {"float32": 1e-3, "int8": 0.2, "int4": 0.2, "pq": 0.2}
"""By how much golden scores may differ between machines' kernels, in units of their spread.

Quantized kernels round activations each in their own way: the runtime's own two (XNNPACK and
the reference) differ by some 0.05. What is found so is a kernel that computes something else.
"""


STEPPED = 10
"""Events of the longest golden history that is gone through step by step as well, which costs a
call of the model each."""


def check_golden_form(
    manifest: dict[str, Any], shapes: Shapes, features: Sequence[Feature]
) -> None:
    """Raise BundleError unless the golden vectors are such as `make_golden` gives."""
    try:
        for vector in manifest["golden"]:
            indices = [*vector["history"], *vector["ids"]]
            if any(type(index) is not int or not 1 <= index <= shapes.items for index in indices):
                raise ValueError("an index is not in the catalogue")
            if vector["features"].keys() != {feature.input for feature in features}:
                raise ValueError("it is not of the model's features")
            _rows(vector, features)
            if not 1 <= len(vector["ids"]) == len(vector["scores"]):
                raise ValueError("ids and scores are of different lengths, or none")
            if len(vector["adapted"]) != shapes.dim:
                raise ValueError("an adapted vector is of another width than the model's")
            numbers = [*vector["scores"], *vector["adapted"]]
            if not all(type(number) is float and isfinite(number) for number in numbers):
                raise ValueError("a score is no number")
        if manifest["quantization"] not in GOLDEN_TOLERANCE:
            raise ValueError(f"unknown quantization {manifest['quantization']!r}")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BundleError(f"the bundle's golden vectors cannot be used: {error!r}") from None


def make_golden(device: DeviceModel, histories: list[list[int]]) -> list[dict[str, Any]]:
    """What this very file answers to some histories, for other runtimes to compare with.

    Rows of features are drawn at random, so that each input is seen to matter.
    """
    golden: list[dict[str, Any]] = []
    random = np.random.default_rng(2)
    for history in histories:
        rows = {}
        for feature in device.features:
            shape = feature.shape(len(history))
            rows[feature.input] = random.integers(0, feature.encoding.rows, shape, np.int32)
        events = np.asarray(history, np.int32)
        ids, scores = device.recommend(events, k=10, features=rows)
        golden.append(
            {
                "history": list(map(int, history)),
                "features": {name: found.tolist() for name, found in rows.items()},
                "ids": ids.tolist(),
                "scores": _rounded(scores),
                "adapted": _rounded(_adapted(device, ids)),
            }
        )
    return golden


def _adapted(device: DeviceModel, ids: IntArray) -> FloatArray:
    """The user_vector after the first of some items was liked, and the second disliked."""
    few = ids[: min(2, device.shapes.candidates)]
    target = np.array([1, -1], np.float32)[: len(few)]
    return device.adapt(few, target, learning_rate=1.0)


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(value), 6) for value in values]


def _rows(vector: dict[str, Any], features: Sequence[Feature]) -> dict[str, IntArray]:
    shapes = {feature.input: feature.shape(-1) for feature in features}
    return {
        name: np.asarray(rows, np.int32).reshape(shapes[name])
        for name, rows in vector["features"].items()
    }


def check_golden(manifest: Mapping[str, Any], device: DeviceModel) -> None:
    """Raise BundleError unless this machine's kernels give the recorded scores and vectors."""
    golden = manifest["golden"]
    limits = {}
    for name in ("scores", "adapted"):
        spread = float(np.std([value for vector in golden for value in vector[name]] or [0.0]))
        limits[name] = GOLDEN_TOLERANCE[manifest["quantization"]] * spread + 1e-5
    for vector in golden:
        history, ids = (np.asarray(vector[name], np.int32) for name in ("history", "ids"))
        rows = _rows(vector, device.features)
        found = [
            ("scores", device.score(history, ids, features=rows)),
            ("scores", device.recommend(history, k=len(ids), features=rows)[1]),
            ("adapted", _adapted(device, ids)),
        ]
        if device.steps and len(history) <= min(STEPPED, device.shapes.length):
            found.append(("scores", _stepped(device, history, rows, len(ids))))
        for name, values in found:
            recorded = np.asarray(vector[name])
            same_size = values.shape == recorded.shape
            worst = float(np.abs(values - recorded).max(initial=0)) if same_size else inf
            if not worst <= limits[name]:
                raise BundleError(
                    f"the model answers a golden history otherwise than where it was made ({name} "
                    f"differ by {worst:.3g}): this machine's kernels compute something else"
                )


def _stepped(
    device: DeviceModel, history: IntArray, rows: dict[str, IntArray], k: int
) -> FloatArray:
    """The scores of a list, best first, that is come to event by event."""
    state, _ = device.states(history, rows)
    _, (_, scores) = device.step(state, history, k=k, features=rows)
    return scores
