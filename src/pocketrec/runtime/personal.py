"""One user's own state: their verdicts on items, and the vector learned from them.

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

from ..bundle.contract import DECAY, SLOWING
from ..errors import InputError, shown
from ..features.values import is_number
from ..storage.artifact import write_atomically
from .catalogue import Recommendation
from .events import Event, ItemId, Moment, key_of, listed, seconds, warn_caller
from .explain import Explanation
from .recommender import Recommender
from .state import FORMAT, WINDOW, Feedback, State, Verdict, history_of, ordered, parse_state

UNDO = 20
"""How many of the newest changes can be undone."""
RATES: dict[Verdict, float] = {"like": 1.0, "seen": 0.25, "dislike": -0.25}
"""Learning rates, chosen on validation users (docs/decisions/0011-personalization.md)."""
MARGIN = 1.0
"""The guard: how much gain, in sum, the newest WINDOW likes may lose by learning."""


class RolledBackWarning(UserWarning):
    """The learned vector made the user's lists worse and was reset to zero."""


class Personal:
    """Learns from likes and dislikes, and recommends for one user of a `Recommender`.

    >>> personal = Personal(Recommender.load("movielens-1m"))  # doctest: +SKIP
    >>> personal.like(1)  # doctest: +SKIP
    >>> personal.recommend(k=3)  # doctest: +SKIP

    A liked item moves the vector toward itself and joins the history. A seen one does the same by
    a quarter of a step. A disliked one moves the vector away, stays out of the history, and is
    never recommended. The newest verdict on an item replaces older ones (where items may repeat,
    it replaces dislikes only).

    The guard: before a like is learned from, the item's rank in the list is looked up with the
    vector and without it. When the vector has made the lists before the newest likes worse, it is
    reset to zero with a RolledBackWarning (`rolled_back` counts how often). Threads must not share
    a Personal.
    """

    def __init__(self, recommender: Recommender, state: State | None = None) -> None:
        if not isinstance(recommender, Recommender):
            raise InputError(f"Personal takes a Recommender, not {shown(recommender)}")
        if not isinstance(state, State | None):
            raise InputError(
                f"Personal takes a State, not {shown(state)}: use Personal.from_json for the "
                "output of to_json, or Personal.restore for a file"
            )
        self.recommender = recommender
        self.state = state or State()
        self._before: list[State] = []

    @property
    def history(self) -> list[Event]:
        """The items that the user liked or has seen, oldest first."""
        return history_of(self.state.events)

    @property
    def blocked(self) -> list[ItemId]:
        """The items that the user disliked, which are never recommended to them."""
        return [event.id for event in self.state.events if event.verdict == "dislike"]

    @property
    def vector(self) -> list[float]:
        """The personal vector (D,), zero at the start."""
        return list(self.state.vector) or [0.0] * self.recommender.bundle.spec.shapes.dim

    @property
    def rolled_back(self) -> int:
        """How often the guard reset the vector."""
        return self.state.rolled_back

    def like(
        self,
        item: ItemId,
        *,
        time: Moment | None = None,
        user: Mapping[str, Any] | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn that the user likes an item; `user` and `now` (else `time`) are as in `recommend`.

        Warns with a RolledBackWarning when the guard resets the vector.
        """
        context = {"user": user, "now": time if now is None else now}
        self._change(self._guarded(self._learned(item, "like", time, context)))
        if self.rolled_back > self._before[-1].rolled_back:
            warn_caller(
                "the learned vector made the lists before the newest likes worse, so it is reset "
                "to zero: history and verdicts stay, and undo() restores it",
                RolledBackWarning,
            )

    def dislike(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that the user dislikes an item."""
        self._change(self._learned(item, "dislike", time))

    def seen(self, item: ItemId, *, time: Moment | None = None) -> None:
        """Learn that the user knows an item, whether they like it or not."""
        self._change(self._learned(item, "seen", time))

    def forget(self, item: ItemId) -> None:
        """Remove all verdicts on an item; the vector stays as it is."""
        key = key_of(item)
        events = tuple(event for event in self.state.events if key_of(event.id) != key)
        self._change(replace(self.state, events=events))

    def undo(self) -> bool:
        """Undo the newest change, the vector's too; False when there is nothing left to undo."""
        if not self._before:
            return False
        self.state = self._before.pop()
        return True

    def decay(self, factor: float) -> None:
        """Multiply the vector by a factor: 1 keeps it, 0 forgets it."""
        if not is_number(factor) or not 0 <= factor <= 1:
            raise InputError(f"decay takes a factor from 0 to 1, not {shown(factor)}")
        vector = tuple(number * float(factor) for number in self.state.vector)
        # The guard must not judge a new vector by the gains of a forgotten one.
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
        """Which of the user's items raise the scores of these; see `Recommender.explain`."""
        return self.recommender.explain(
            self.history, items, most=most, user=user, now=now, user_vector=self.vector
        )

    def _learned(
        self,
        item: ItemId,
        verdict: Verdict,
        time: Moment | None,
        context: Mapping[str, Any] | None = None,
    ) -> State:
        """The state after a step of learning; `context` holds `user` and `now` of the moment."""
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
            gains = (*gains, self._gains(history_of(events)[:-1], item, context or {}))[-WINDOW:]
        return replace(
            self.state, events=events, vector=tuple(vector), steps=self.state.steps + 1, gains=gains
        )

    def _gains(
        self, history: list[Event], item: ItemId, context: Mapping[str, Any]
    ) -> tuple[float, float]:
        """The liked item's gain in the lists before the like, with the vector and without it.

        A gain is 1 / log2(1 + rank), as in NDCG; 0 for an item that is not in the list.
        """
        # The list before the like may hold the item even if it was disliked until now.
        blocked = [id_ for id_ in self.blocked if str(id_) != str(item)]
        k = self.recommender.bundle.spec.shapes.results

        def gain(vector: list[float] | None) -> float:
            lines = self.recommender.recommend(
                history, k=k, blocked=blocked, user_vector=vector, **context
            )
            ranks = [n for n, line in enumerate(lines, 1) if str(line.id) == str(item)]
            return 1 / math.log2(1 + ranks[0]) if ranks else 0.0

        plain = gain(None)
        return (gain(self.vector) if any(self.state.vector) else plain, plain)

    def _guarded(self, state: State) -> State:
        """The state itself, or with the vector at zero if the vector has made lists worse."""
        lost = sum(plain - adapted for adapted, plain in state.gains)
        if lost <= MARGIN:
            return state
        return replace(state, vector=(), gains=(), rolled_back=state.rolled_back + 1)

    def _with(self, new: Feedback) -> tuple[Feedback, ...]:
        """All events and a new one, which replaces the verdicts on its item that it contradicts."""
        once = self.recommender.bundle.spec.exclude_seen or new.verdict == "dislike"
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
        """The whole state, for the app to store; `from_json` reads it."""
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
        """The user of a saved state, which may come from any client.

        A vector belongs to one model. Any model that knows the items takes a state whose "vector"
        is []. Raises InputError with what is wrong.
        """
        personal = cls(recommender, parse_state(value))
        state = personal.state
        if state.vector and value.get("model") != recommender.fingerprint:
            raise InputError(
                "the saved state belongs to another model: set its 'vector' to [] to use its "
                "events with this one"
            )
        if len(state.vector) not in (0, recommender.bundle.spec.shapes.dim):
            raise InputError(
                f"the saved vector has {len(state.vector)} numbers, but the model's vectors have "
                f"{recommender.bundle.spec.shapes.dim}"
            )
        recommender.check_known([event.id for event in state.events])
        return personal

    def save(self, path: str | Path) -> None:
        """Write the state as JSON that only the file's owner may read, whole or not at all.

        Raises ArtifactError when the file cannot be written.
        """
        try:
            write_atomically(Path(path), json.dumps(self.to_json()).encode(), private=True)
        except (TypeError, ValueError):  # None, "", or a name with a NUL
            raise InputError(f"{_quoted(path)} is not the path of a file") from None

    @classmethod
    def restore(cls, recommender: Recommender, path: str | Path) -> Self:
        """Read what `save` wrote; raises InputError for anything else."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, TypeError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "it is not JSON"
            raise InputError(f"{_quoted(path)} cannot be read as a saved state: {reason}") from None
        return cls.from_json(recommender, value)


def _quoted(path: str | Path) -> str:
    return shown(str(path) if isinstance(path, Path) else path, 1000)
