"""One user's own state: what they said of items, and the vector that learned from it.

It stays where the app keeps it. `web/client/personal.js` is the same in JavaScript, with the
same JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ..artifact import write_atomically
from ..device import DECAY, SLOWING
from ..errors import InputError
from .explain import Explanation
from .inputs import Event, ItemId, Moment, seconds
from .recommender import Recommendation, Recommender
from .state import (
    FORMAT,
    WINDOW,
    Feedback,
    State,
    Verdict,
    history_of,
    is_number,
    ordered,
    parse_state,
)

UNDO = 20
"""Newest changes that can be undone."""
RATES: dict[Verdict, float] = {"like": 1.0, "seen": 0.25, "dislike": -0.25}
"""Sizes of the steps, chosen on validation users (docs/decisions/0011-personalization.md)."""
MARGIN = 1.0
"""The guard: what learning may cost the newest WINDOW likes, as the sum of their gains."""


class Personal:
    """Learns from likes and dislikes, and recommends for one user of a `Recommender`.

    >>> personal = Personal(Recommender.load("movielens-1m"))  # doctest: +SKIP
    >>> personal.like(1)  # doctest: +SKIP
    >>> personal.recommend(k=3)  # doctest: +SKIP

    A liked item moves the vector and joins the history; so does a seen one, by a quarter of a step;
    a disliked one moves the vector the other way, stays out of the history, and is not
    recommended. The newest word on an item replaces those before (of an item that may repeat, its
    dislikes only).

    The guard: before a like is learned from, the place of the item in the list is looked up with
    the vector and without. When the vector has made the lists of the newest likes worse, it goes
    back to zero (`rolled_back` counts how often). Not safe to share between threads.
    """

    def __init__(self, recommender: Recommender, state: State | None = None) -> None:
        self.recommender = recommender
        self.state = state or State()
        self._before: list[State] = []

    @property
    def history(self) -> list[Event]:
        """What the user liked or has seen, oldest first."""
        return history_of(self.state.events)

    @property
    def blocked(self) -> list[ItemId]:
        """What is not to be recommended to the user."""
        return [event.id for event in self.state.events if event.verdict == "dislike"]

    @property
    def vector(self) -> list[float]:
        """The personal vector (D,), zero at the start."""
        return list(self.state.vector) or [0.0] * self.recommender.bundle.shapes.dim

    @property
    def rolled_back(self) -> int:
        """How often the guard took back what was learned."""
        return self.state.rolled_back

    def like(self, item: ItemId, *, time: Moment | None = None, **told: Any) -> None:
        """Learn that the user likes an item; `told` are the user and now of `recommend`."""
        self._change(self._guarded(self._learned(item, "like", time, told)))

    def dislike(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that an item is not for the user."""
        self._change(self._learned(item, "dislike", time, {}))

    def seen(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that the user knows an item, be it good or bad."""
        self._change(self._learned(item, "seen", time, {}))

    def forget(self, item: ItemId) -> None:
        """Take back all that was said of an item; the vector stays as it is."""
        events = tuple(event for event in self.state.events if str(event.id) != str(item))
        self._change(replace(self.state, events=events))

    def undo(self) -> bool:
        """Take back the newest change, with what was learned; False when there is none left."""
        if not self._before:
            return False
        self.state = self._before.pop()
        return True

    def decay(self, factor: float) -> None:
        """Shrink the vector, as an app may do from time to time: 1 keeps it, 0 forgets it."""
        if not is_number(factor) or not 0 <= factor <= 1:
            raise InputError(f"decay takes a factor from 0 to 1, not {factor!r}")
        vector = tuple(number * factor for number in self.state.vector)
        # A vector that was forgotten is not to be judged by what it did.
        gains = self.state.gains if factor else ()
        self._change(replace(self.state, vector=vector, gains=gains))

    def reset(self) -> None:
        """Forget everything: history, verdicts and vector. It can be undone."""
        self._change(State())

    def recommend(
        self, *, k: int = 10, blocked: Iterable[ItemId] = (), **told: Any
    ) -> list[Recommendation]:
        """The best k items for the user; see `Recommender.recommend`."""
        return self.recommender.recommend(
            self.history,
            k=k,
            blocked=[*self.blocked, *blocked],
            user_vector=self.vector,
            **told,
        )

    def explain(self, items: Iterable[ItemId], *, most: int = 2, **told: Any) -> list[Explanation]:
        """Which of the user's items speak for these; see `Recommender.explain`."""
        return self.recommender.explain(
            self.history, items, most=most, user_vector=self.vector, **told
        )

    def _learned(
        self, item: ItemId, verdict: Verdict, time: Moment | None, told: dict[str, Any]
    ) -> State:
        """The state after a step of learning, at the moment when the item was met."""
        item = self.recommender.spelled(item)
        events = self._with(Feedback(item, verdict, seconds(time)))
        rate = RATES[verdict] / (1 + self.state.steps / SLOWING)
        vector = self.recommender.adapt(
            item,
            liked=rate > 0,
            learning_rate=abs(rate),
            user_vector=[DECAY * number for number in self.vector],
        )
        gains = self.state.gains
        if verdict == "like":
            now = {} if time is None else {"now": time}
            gains = (*gains, self._gains(history_of(events)[:-1], item, now | told))[-WINDOW:]
        return replace(
            self.state, events=events, vector=tuple(vector), steps=self.state.steps + 1, gains=gains
        )

    def _gains(
        self, history: list[Event], item: ItemId, told: dict[str, Any]
    ) -> tuple[float, float]:
        """What the lists before a like were worth to it, with the vector and without it."""
        blocked = [id_ for id_ in self.blocked if str(id_) != str(item)]
        k = self.recommender.bundle.shapes.results

        def gain(vector: list[float] | None) -> float:
            lines = self.recommender.recommend(
                history, k=k, blocked=blocked, user_vector=vector, **told
            )
            places = [n for n, line in enumerate(lines, 1) if str(line.id) == str(item)]
            return 1 / math.log2(1 + places[0]) if places else 0.0

        plain = gain(None)
        return (gain(self.vector) if any(self.state.vector) else plain, plain)

    def _guarded(self, state: State) -> State:
        """The state itself, or with the vector back at zero, if it has made lists worse."""
        lost = sum(plain - adapted for adapted, plain in state.gains)
        if lost <= MARGIN:
            return state
        return replace(state, vector=(), gains=(), rolled_back=state.rolled_back + 1)

    def _with(self, new: Feedback) -> tuple[Feedback, ...]:
        """All events, with a new one, which replaces those of its item that it contradicts."""
        once = self.recommender.bundle.exclude_seen or new.verdict == "dislike"
        kept = (
            event
            for event in self.state.events
            if str(event.id) != str(new.id) or not (once or event.verdict == "dislike")
        )
        return ordered((*kept, new))

    def _change(self, state: State) -> None:
        self._before = [*self._before, self.state][-UNDO:]
        self.state = state

    def to_json(self) -> dict[str, Any]:
        """All that is kept, for the app to store; `from_json` takes it back."""
        return {
            "format": FORMAT,
            "model": self.recommender.fingerprint,
            "events": [event.to_json() for event in self.state.events],
            "vector": list(self.state.vector),
            "steps": self.state.steps,
            "gains": [list(gains) for gains in self.state.gains],
            "rolled_back": self.state.rolled_back,
        }

    @classmethod
    def from_json(cls, recommender: Recommender, value: Any) -> Self:
        """The user of a saved state, which may come from anywhere.

        A vector belongs to one model; a state whose "vector" is [] is taken by any model that
        knows its items. Raises InputError with what is wrong.
        """
        try:
            state = parse_state(value)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"this is no saved state of a user: {error!r}") from None
        if state.vector and value.get("model") != recommender.fingerprint:
            raise InputError(
                "the saved state belongs to another model; without its vector ('vector': []) its "
                "events can be used with this one"
            )
        if len(state.vector) not in (0, recommender.bundle.shapes.dim):
            raise InputError(
                f"the saved vector has {len(state.vector)} numbers, the model's users "
                f"{recommender.bundle.shapes.dim}"
            )
        recommender.check_known([event.id for event in state.events])
        return cls(recommender, state)

    def save(self, path: str | Path) -> None:
        """Write the state as JSON, whole or not at all."""
        write_atomically(Path(path), json.dumps(self.to_json(), ensure_ascii=False).encode())

    @classmethod
    def restore(cls, recommender: Recommender, path: str | Path) -> Self:
        """Read what `save` wrote; raises InputError for anything else."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"'{path}' cannot be read as a saved state: {error}") from None
        return cls.from_json(recommender, value)
