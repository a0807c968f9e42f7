"""One user's own state: what they said of items, and the vector that learned from it.

It stays where the app keeps it. `web/client/personal.js` is the same in JavaScript, with the
same JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ..bundle.device import DECAY, SLOWING
from ..errors import InputError, shown
from ..features.values import is_number
from ..storage.artifact import write_atomically
from .catalogue import Recommendation
from .events import Event, ItemId, Moment, key_of, listed, seconds, warn_caller
from .explain import Explanation
from .recommender import Recommender
from .state import FORMAT, WINDOW, Feedback, State, Verdict, history_of, ordered, parse_state

UNDO = 20
"""Newest changes that can be undone."""
RATES: dict[Verdict, float] = {"like": 1.0, "seen": 0.25, "dislike": -0.25}
"""Sizes of the steps, chosen on validation users (docs/decisions/0011-personalization.md)."""
MARGIN = 1.0
"""The guard: what learning may cost the newest WINDOW likes, as the sum of their gains."""


class RolledBackWarning(UserWarning):
    """What was learned of a user made the lists worse, and was taken back."""


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
    back to zero, with a RolledBackWarning (`rolled_back` counts how often). Not safe to share
    between threads.
    """

    def __init__(self, recommender: Recommender, state: State | None = None) -> None:
        if not isinstance(recommender, Recommender):
            raise InputError(f"Personal takes a Recommender, not {shown(recommender)}")
        if not isinstance(state, State | None):
            raise InputError(
                f"Personal takes no state such as {shown(state)}: use Personal.from_json for what "
                "to_json gave, and Personal.restore for a file"
            )
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

    def like(
        self,
        item: ItemId,
        *,
        time: Moment | None = None,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn that the user likes an item; `user` and `now` (else `time`) as of `recommend`.

        Warns with a RolledBackWarning when the guard took back what was learned.
        """
        told = {"user": user, "now": time if now is None else now}
        self._change(self._guarded(self._learned(item, "like", time, told)))
        if self.rolled_back > self._before[-1].rolled_back:
            warn_caller(
                "what was learned of the user made the lists of the newest likes worse: the "
                "vector is back at zero, history and verdicts stay (undo brings it back)",
                RolledBackWarning,
            )

    def dislike(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that an item is not for the user."""
        self._change(self._learned(item, "dislike", time))

    def seen(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that the user knows an item, be it good or bad."""
        self._change(self._learned(item, "seen", time))

    def forget(self, item: ItemId) -> None:
        """Take back all that was said of an item; the vector stays as it is."""
        key = key_of(item)
        events = tuple(event for event in self.state.events if key_of(event.id) != key)
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
            raise InputError(f"decay takes a factor from 0 to 1, not {shown(factor)}")
        vector = tuple(number * float(factor) for number in self.state.vector)
        # A vector that was forgotten is not to be judged by what it did.
        gains = self.state.gains if factor else ()
        self._change(replace(self.state, vector=vector, gains=gains))

    def reset(self) -> None:
        """Forget everything: history, verdicts and vector. It can be undone."""
        self._change(State())

    def recommend(
        self,
        *,
        k: int = 10,
        blocked: Iterable[ItemId] = (),
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
        strict: bool = False,
    ) -> list[Recommendation]:
        """The best k items for the user; see `Recommender.recommend`."""
        return self.recommender.recommend(
            self.history,
            k=k,
            blocked=[*self.blocked, *listed(blocked, "blocked")],
            user=user,
            now=now,
            user_vector=self.vector,
            strict=strict,
        )

    def explain(
        self,
        items: Iterable[ItemId],
        *,
        most: int = 2,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
    ) -> list[Explanation]:
        """Which of the user's items speak for these; see `Recommender.explain`."""
        return self.recommender.explain(
            self.history, items, most=most, user=user, now=now, user_vector=self.vector
        )

    def _learned(
        self,
        item: ItemId,
        verdict: Verdict,
        time: Moment | None,
        told: Mapping[str, Any] | None = None,
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
            gains = (*gains, self._gains(history_of(events)[:-1], item, told or {}))[-WINDOW:]
        return replace(
            self.state, events=events, vector=tuple(vector), steps=self.state.steps + 1, gains=gains
        )

    def _gains(
        self, history: list[Event], item: ItemId, told: Mapping[str, Any]
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
        personal = cls(recommender, parse_state(value))
        state = personal.state
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
        return personal

    def save(self, path: str | Path) -> None:
        """Write the state as JSON that its owner alone may read, whole or not at all.

        Raises ArtifactError when that fails.
        """
        try:
            write_atomically(Path(path), json.dumps(self.to_json()).encode(), private=True)
        except (TypeError, ValueError):  # None, "", or with a NUL
            raise InputError(f"{_quoted(path)} is no path of a file") from None

    @classmethod
    def restore(cls, recommender: Recommender, path: str | Path) -> Self:
        """Read what `save` wrote; raises InputError for anything else."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, TypeError, ValueError, RecursionError) as error:
            told = getattr(error, "strerror", None) or "it is no JSON"
            raise InputError(f"{_quoted(path)} cannot be read as a saved state: {told}") from None
        return cls.from_json(recommender, value)


def _quoted(path: str | Path) -> str:
    return shown(str(path) if isinstance(path, Path) else path, 1000)
