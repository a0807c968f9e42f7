"""The saved state of a user: their verdicts on items, and the vector learned from them.

`web/client/state.js` is the same in JavaScript, with the same JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..bundle.inputs import LARGEST
from ..errors import InputError, shown
from .events import LATEST, Event, ItemId, check_order

MOST = 2**53 - 1
"""Largest count: the largest integer that JavaScript holds exactly."""

Verdict = Literal["like", "seen", "dislike"]

FORMAT = 1
WINDOW = 10
"""Newest likes whose gains are kept, for the guard."""


@dataclass(frozen=True)
class Feedback:
    """A user's verdict on an item, and its time in seconds since 1970, if known."""

    id: ItemId
    verdict: Verdict
    time: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As a saved state keeps it."""
        return {"id": self.id, "verdict": self.verdict, "time": self.time}


@dataclass(frozen=True)
class State:
    """Everything that is kept about a user; every change makes a new state."""

    events: tuple[Feedback, ...] = ()
    vector: tuple[float, ...] = ()
    """The personal vector (D,); () is zero."""
    steps: int = 0
    """Steps of learning so far, without undone ones; later steps are smaller."""
    gains: tuple[tuple[float, float], ...] = ()
    """For the newest likes: the item's gain in the list with the vector, and without it."""
    rolled_back: int = 0


def history_of(events: Iterable[Feedback]) -> list[Event]:
    """The items that the user liked or has seen, as a `Recommender` takes them."""
    return [Event(event.id, event.time) for event in events if event.verdict != "dislike"]


def ordered(events: tuple[Feedback, ...]) -> tuple[Feedback, ...]:
    """The events themselves; InputError when times of the history run backwards."""
    check_order(event.time for event in events if event.verdict != "dislike")
    return events


_KEYS = ("format", "events", "vector", "gains", "steps", "rolled_back")


def parse_state(value: Any) -> State:
    """The state that some JSON holds; InputError with what is wrong with it."""
    fields: dict[str, Any] = dict.fromkeys(_KEYS) | (value if isinstance(value, dict) else {})
    events, vector, gains = fields["events"], fields["vector"], fields["gains"]
    problem = None
    if not _is_number(fields["format"], FORMAT, FORMAT):
        problem = f"format {shown(fields['format'])}, where {FORMAT} is expected"
    elif not isinstance(events, list) or not all(map(_is_event, events)):
        problem = "its events do not all have an id, a verdict and a time"
    elif not _are_numbers(vector, -LARGEST, LARGEST):
        problem = f"its vector is not a list of numbers from {-LARGEST:g} to {LARGEST:g}"
    elif not isinstance(gains, list) or not all(
        _are_numbers(pair, 0, 1) and len(pair) == 2 for pair in gains
    ):
        problem = "its gains are not pairs of numbers from 0 to 1"
    elif not all(
        type(count) is int and 0 <= count <= MOST
        for count in (fields["steps"], fields["rolled_back"])
    ):
        problem = "its steps and rolled_back are not counts"
    if problem:
        raise InputError(f"this is not a saved state of a user: {problem}")
    return State(
        ordered(tuple(Feedback(event["id"], event["verdict"], event["time"]) for event in events)),
        tuple(map(float, vector)),
        fields["steps"],
        tuple((float(adapted), float(plain)) for adapted, plain in gains[-WINDOW:]),
        fields["rolled_back"],
    )


def _is_event(event: Any) -> bool:
    if not isinstance(event, dict) or not event.keys() >= {"id", "verdict", "time"}:
        return False
    known = type(event["id"]) in (int, str) and event["verdict"] in get_args(Verdict)
    return known and (event["time"] is None or _is_number(event["time"], 0, LATEST))


def _are_numbers(values: Any, low: float, high: float) -> bool:
    return isinstance(values, list) and all(_is_number(value, low, high) for value in values)


def _is_number(value: Any, low: float, high: float) -> bool:
    """Whether a value of JSON is a number in low..high, and no truth value."""
    return type(value) in (int, float) and bool(low <= value <= high)
