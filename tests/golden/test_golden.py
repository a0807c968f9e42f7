"""The golden files are what Python answers; web/test reads the same files for JavaScript."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketrec.errors import InputError
from pocketrec.features.encoding import Feature
from pocketrec.runtime import Event, Personal
from pocketrec.runtime.events import encode_features
from support.golden_answers import FILES, restorable, text
from support.golden_cases import plain
from support.golden_world import World

FOLDER = Path(__file__).parent


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_python_still_answers_so(name: str) -> None:
    assert text(FILES[name]()) == (FOLDER / name).read_text(encoding="utf-8")


def test_refused_values() -> None:
    for entry in read("encoding.json")["refused"]:
        for value in entry["values"]:
            with pytest.raises(InputError):
                Feature.from_json(entry["feature"]).rows(plain(value))


def test_refused_times() -> None:
    golden = read("encoding.json")
    features = [Feature.from_json(entry) for entry in golden["time_features"]]
    for entry in golden["times_refused"]:
        events = [Event(1, plain(moment)) for moment in entry["times"]]
        with pytest.raises(InputError):
            encode_features(features, events, None, plain(entry["now"]))


@pytest.mark.parametrize("changes", read("personal.json")["damaged"], ids=str)
def test_damaged_states_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Personal.from_json(World(), restorable(changes))


def test_the_guard_is_seen_at_work() -> None:
    walks = read("personal.json")["walks"]
    assert any(step["state"]["rolled_back"] for walk in walks for step in walk["steps"])
