"""What is kept of a user: what they said of items, and what was learned from it.

`web/client/state.js` is the same in JavaScript, with the same JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..device import LARGEST
from .inputs import LATEST, Event, ItemId, check_order

Verdict = Literal["like", "seen", "dislike"]

FORMAT = 1
WINDOW = 10
"""Newest likes whose gains are kept, for the guard."""


@dataclass(frozen=True)
class Feedback:
    """What the user said of an item, and when (seconds since 1970, if known)."""

    id: ItemId
    verdict: Verdict
    time: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As a saved state keeps it."""
        return {"id": self.id, "verdict": self.verdict, "time": self.time}


@dataclass(frozen=True)
class State:
    """All that is kept of a user; every change makes a new one."""

    events: tuple[Feedback, ...] = ()
    vector: tuple[float, ...] = ()
    """The personal vector (D,); () is zero."""
    steps: int = 0
    """Steps of learning so far, undone ones not counted; later steps are smaller."""
    gains: tuple[tuple[float, float], ...] = ()
    """Of the newest likes: what the list was worth with the vector, and without it."""
    rolled_back: int = 0


def history_of(events: Iterable[Feedback]) -> list[Event]:
    """What the user liked or has seen, as a `Recommender` takes it."""
    return [Event(event.id, event.time) for event in events if event.verdict != "dislike"]


def ordered(events: tuple[Feedback, ...]) -> tuple[Feedback, ...]:
    """The events themselves, unless times of the history run backwards (InputError)."""
    check_order(event.time for event in events if event.verdict != "dislike")
    return events


def parse_state(value: Any) -> State:
    """The state that some JSON is; ValueError, KeyError or TypeError when it is none."""
    if value["format"] is True or value["format"] != FORMAT:
        raise ValueError(f"another format than {FORMAT}")
    events = tuple(
        Feedback(entry["id"], entry["verdict"], entry["time"]) for entry in value["events"]
    )
    for event in events:
        known = type(event.id) in (int, str) and event.verdict in get_args(Verdict)
        timed = event.time is None or (is_number(event.time) and 0 <= event.time <= LATEST)
        if not known or not timed:
            raise ValueError(f"{event} is no event")
    vector = tuple(map(float, value["vector"]))
    gains = tuple((float(adapted), float(plain)) for adapted, plain in value["gains"])
    counts = (value["steps"], value["rolled_back"])
    if any(type(count) is not int or count < 0 for count in counts):
        raise ValueError("steps and rolled_back are counts")
    if any(abs(number) > LARGEST for number in vector):
        raise ValueError(f"numbers of a vector lie between {-LARGEST:g} and {LARGEST:g}")
    if not all(map(is_number, (*vector, *(gain for pair in gains for gain in pair)))):
        raise ValueError("vector and gains are finite numbers")
    return State(ordered(events), vector, counts[0], gains[-WINDOW:], counts[1])


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no truth value."""
    return type(value) in (int, float) and math.isfinite(value)
