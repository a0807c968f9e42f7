"""A recommender so small that Python and JavaScript can agree to the bit.

`web/test/world.js` is the same in JavaScript, with the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from pocketrec.errors import InputError
from pocketrec.runtime import Event, Recommendation, Recommender

ITEMS, DIM, RESULTS = 12, 4, 6
FINGERPRINT = "f" * 64


class World(Recommender):
    """Items "1" to "12", the lower the more popular; item i is of the group i % 4.

    A group's number in the vector counts for all of its items, and each step of learning moves it.
    """

    fingerprint = FINGERPRINT

    def __init__(self, *, exclude_seen: bool = True) -> None:
        shapes = SimpleNamespace(dim=DIM, results=RESULTS, items=ITEMS)
        self.bundle = SimpleNamespace(shapes=shapes, exclude_seen=exclude_seen)

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
        **told: Any,
    ) -> list[Recommendation]:
        hidden = {str(item) for item in blocked}
        if self.bundle.exclude_seen:
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
