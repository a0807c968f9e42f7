"""What Python answers to what the golden files ask (golden_cases.py)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pocketrec.errors import InputError
from pocketrec.features.encoding import time_feature
from pocketrec.runtime import Event, Personal, RolledBackWarning, Session
from pocketrec.runtime.events import encode_features
from support.golden_cases import (
    DAMAGED,
    FEATURES,
    REFUSED,
    RESTORED,
    STATE,
    STEPS,
    TAPS,
    TIMES,
    TIMES_REFUSED,
    plain,
)
from support.golden_world import CATALOGUE, World, WorldDevice


def encoding() -> dict[str, Any]:
    """Values of features -> rows, and times -> rows of the features of time."""
    times = [time_feature(name) for name in ("gap", "now", "hour", "weekday")]
    return {
        "features": [
            {
                "feature": feature.to_json(),
                "input": feature.input,
                "values": [[value, feature.rows(plain(value))] for value in values],
            }
            for feature, values in FEATURES.items()
        ],
        "refused": [
            {"feature": feature.to_json(), "values": values} for feature, values in REFUSED.items()
        ],
        "time_features": [feature.to_json() for feature in times],
        "times": [
            {
                "what": what,
                "times": moments,
                "now": now,
                "rows": {
                    name: rows.flatten().tolist()
                    for name, rows in encode_features(
                        times, [Event(1, moment) for moment in moments], None, now
                    ).items()
                },
            }
            for what, (moments, now) in TIMES.items()
        ],
        "times_refused": [
            {"what": what, "times": moments, "now": now}
            for what, (moments, now) in TIMES_REFUSED.items()
        ],
    }


def personal() -> dict[str, Any]:
    """What each change makes of a user's state, and which saved states are taken back."""
    return {
        "walks": [
            {"what": what, "exclude_seen": exclude_seen, "steps": _walk(exclude_seen, steps)}
            for what, (exclude_seen, steps) in STEPS.items()
        ],
        "saved": STATE,
        "restored": [
            {
                "changes": changes,
                "state": Personal.from_json(World(), restorable(changes)).to_json(),
            }
            for changes in RESTORED
        ],
        "damaged": DAMAGED,
    }


def restorable(changes: dict[str, Any]) -> dict[str, Any]:
    """The saved state with some changes, {"number": ...} resolved."""
    return json.loads(json.dumps({**STATE, **changes}), object_hook=plain)


def _walk(exclude_seen: bool, steps: list[list[Any]]) -> list[dict[str, Any]]:
    user = Personal(World(exclude_seen=exclude_seen))
    walked = []
    for name, *arguments in steps:
        refused, gave = False, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RolledBackWarning)
            try:
                gave = getattr(user, name)(*positional(arguments), **keywords(arguments))
            except InputError:
                refused = True
        walked.append(
            {
                "do": [name, *arguments],
                "gave": gave,
                "refused": refused,
                "state": user.to_json(),
                "list": [line.id for line in user.recommend(k=4)],
            }
        )
    return walked


def positional(arguments: list[Any]) -> list[Any]:
    """An item, or a factor."""
    return [plain(one) for one in arguments if not isinstance(one, dict) or "number" in one]


def keywords(arguments: list[Any]) -> dict[str, Any]:
    """The options that follow the item."""
    last = arguments[-1] if arguments else None
    return last if isinstance(last, dict) and "number" not in last else {}


def sessions() -> dict[str, Any]:
    """What a session asks the model at each tap, and the list that it makes of the answer."""
    return {
        "sessions": [
            {
                "what": what,
                "steps": steps,
                "exclude_seen": exclude_seen,
                "begin": begun.get("begin", []),
                "user": begun.get("user"),
                "taps": _tapped(steps, exclude_seen, begun, taps),
            }
            for what, (begun, taps) in TAPS.items()
            for steps, exclude_seen in ((True, True), (True, False), (False, True))
        ]
    }


def _tapped(
    steps: bool, exclude_seen: bool, begun: dict[str, Any], taps: list[list[Any]]
) -> list[dict[str, Any]]:
    device = WorldDevice(steps=steps, exclude_seen=exclude_seen)
    tapped = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        begin = [parse_event(one) for one in begun.get("begin", [])]
        session = Session(device, CATALOGUE, begin, begun.get("user"))
        for event, asked in taps:
            options = {"k": 5, **asked}
            device.asked.clear()
            arguments = {"user_vector" if k == "userVector" else k: v for k, v in options.items()}
            lines = None
            with suppress(InputError):
                lines = (
                    session.recommend(**arguments)
                    if event is None
                    else session.tap(parse_event(event), **arguments)
                )
            tapped.append(
                {
                    "do": [event, options],
                    "list": lines and [[line.id, line.score] for line in lines],
                    "asked": list(device.asked),
                    "history": [one.id for one in session.history],
                }
            )
    return tapped


def parse_event(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return Event(value["id"], value.get("time"), value.get("features", {}))


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "encoding.json": encoding,
    "personal.json": personal,
    "sessions.json": sessions,
}


def text(value: dict[str, Any]) -> str:
    """As the files keep it: an entry a line, so that a difference can be read."""
    parts = []
    for name, entries in value.items():
        lines = [json.dumps(one, ensure_ascii=False, allow_nan=False) for one in entries]
        if isinstance(entries, dict):
            lines = [
                f"{json.dumps(key)}: {json.dumps(one, ensure_ascii=False, allow_nan=False)}"
                for key, one in entries.items()
            ]
        left, right = "{}" if isinstance(entries, dict) else "[]"
        parts.append(f'"{name}": {left}\n ' + ",\n ".join(lines) + f"\n{right}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
