"""A recommender, and a model, so small that Python and JavaScript can agree to the bit.

`web/test/world.js` is the same in JavaScript, with the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from pocketrec.bundle.contract import MASKED, GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.folder import Item
from pocketrec.bundle.inputs import InputBuilder
from pocketrec.errors import InputError
from pocketrec.features.encoding import Bins, Categories, Feature, time_feature
from pocketrec.runtime import Event, Recommendation, Recommender
from pocketrec.runtime.catalogue import Catalogue

ITEMS, DIM, RESULTS = 12, 4, 6
FINGERPRINT = "f" * 64


class World(Recommender):
    """Items "1" to "12", the lower the more popular; item i is of the group i % 4.

    A group's number in the vector counts for all of its items, and each step of learning moves it.
    """

    fingerprint = FINGERPRINT

    def __init__(self, *, exclude_seen: bool = True) -> None:
        shapes = SimpleNamespace(dim=DIM, results=RESULTS, items=ITEMS)
        self.bundle = SimpleNamespace(spec=GraphSpec(shapes, exclude_seen))

    def spelled(self, item: int | str) -> int | str:
        self.check_known([item])
        return item

    def check_known(self, items: Iterable[int | str]) -> None:
        if unknown := [item for item in items if not 1 <= int(item) <= ITEMS]:
            raise InputError(f"unknown: {unknown}")

    def recommend(
        self,
        history: Sequence[Event],
        *,
        k: int,
        blocked: Iterable[int | str],
        user_vector: Sequence[float] | None,
        **context: Any,
    ) -> list[Recommendation]:
        hidden = {str(item) for item in blocked}
        if self.bundle.spec.exclude_seen:
            hidden |= {str(event.id) for event in history}
        vector = user_vector or [0.0] * DIM
        scores = {str(i): vector[i % DIM] - i / 8 for i in range(1, ITEMS + 1)}
        best = sorted(scores, key=lambda id_: (-scores[id_], int(id_)))
        return [Recommendation(id_, None, scores[id_]) for id_ in best if id_ not in hidden][:k]

    def adapt(
        self,
        item: int | str,
        *,
        liked: bool,
        learning_rate: float,
        user_vector: Sequence[float],
    ) -> list[float]:
        vector = list(user_vector)
        vector[int(item) % DIM] += 2 * learning_rate if liked else -2 * learning_rate
        return vector


CATALOGUE = Catalogue([Item(str(n), None, {}) for n in range(1, ITEMS + 1)])
FEATURES = (
    Feature("stars", "event", Bins((2.0, 3.0, 4.0))),
    Feature("tags", "event", Categories(("a", "b", "c")), slots=2),
    time_feature("gap"),
    time_feature("now"),
    Feature("age", "user", Bins((20.0, 40.0))),
)
LENGTH, WIDTH = 4, 3


class WorldDevice(DeviceModel):
    """A model whose scores are made of every number that it is asked with, and that writes down
    what it was asked."""

    def __init__(self, *, steps: bool, exclude_seen: bool) -> None:
        sizes = {"results": RESULTS, "candidates": 5, "blocked": 3, "state": WIDTH * steps}
        shapes = Shapes(length=LENGTH, dim=DIM, items=ITEMS, **sizes)
        self.spec = GraphSpec(shapes, exclude_seen, FEATURES)
        self._builder = InputBuilder(self.spec)
        self.asked: list[dict[str, Any]] = []

    def _run(self, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        flat = {name: values.reshape(-1).tolist() for name, values in inputs.items()}
        self.asked.append({"signature": signature, "inputs": dict(sorted(flat.items()))})
        history = [index for index in flat["item_id"] if index]
        state = flat.get("state", [0.0] * WIDTH)
        said = 7 * len(history) + sum(
            (place + 1) * row
            for feature in FEATURES
            for place, row in enumerate(flat[feature.input])
        )

        def score(index: int) -> float:
            moved = flat["user_vector"][index % DIM]
            return (5 * index + said + 2 * sum(state)) % 13 + moved - index / 16

        if signature == "score":
            candidate_scores = [score(index) for index in flat["candidates"]]
            return {"scores": np.array(candidate_scores, np.float32)}
        hidden = {*flat["blocked"], *(history if self.spec.exclude_seen else ())}
        scores = {i: MASKED if i in hidden else score(i) for i in range(1, ITEMS + 1)}
        best = sorted(scores, key=lambda index: (-scores[index], index))[:RESULTS]
        before = history[-2] if len(history) > 1 else 0
        return {
            "ids": np.array(best, np.int32),
            "scores": np.array([scores[index] for index in best], np.float32),
            "state": np.array([half / 2 + before for half in state], np.float32),
        }
