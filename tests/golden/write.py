"""Write the golden files: what Python answers, and JavaScript must answer too.

    python tests/golden/write.py

Run it when the meaning of something changes, and look at the difference before committing it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script

from pocketrec.errors import InputError
from pocketrec.features.encoding import Bins, Categories, Feature, time_feature
from pocketrec.runtime import Event, Personal, RolledBackWarning, Session
from pocketrec.runtime.events import encode_features
from support.golden_world import CATALOGUE, World, WorldDevice

FOLDER = Path(__file__).parent


def plain(value: Any) -> Any:
    """A value of the golden files, where numbers that JSON lacks are {"number": "NaN"}."""
    if isinstance(value, dict) and value.keys() == {"number"}:
        return float(value["number"])
    return [plain(one) for one in value] if isinstance(value, list) else value


NAN, INFINITY, MINUS = {"number": "NaN"}, {"number": "Infinity"}, {"number": "-Infinity"}

# fmt: off
CATEGORIES = Categories((
    "7", "true", "x y", "1.5", "1e-05", "1.25e-07", "0.0001", "0", "-3", "inf", "-inf",
    "1000000000000000000000", "9007199254740992", "é", "constructor", "",
))
FEATURES = {
    Feature("Kind, of", "event", CATEGORIES): [
        "7", 7, 7.0, " 7", True, "true", "True", "x y", 1.5, "1.5", 1e-5, 1.25e-7, 1e-4, 0, -0.0,
        -3.0, 1e21, 2.0**53, "é", "constructor", "toString", "", None, [], NAN, INFINITY, MINUS,
        "unknown", ["7"], ["7", "x y"],
    ],
    Feature("tags", "user", CATEGORIES, slots=3): [
        None, [], "7", ["x y", "7"], ["7", 7, 7.0, True], ["no", "7", None, NAN, "0"],
        ["7", "true", "x y", "1.5", "0"],
    ],
    Feature("price", "event", Bins((-1.0, 0.0, 0.5, 10.0, 10.0, 1e6))): [
        None, -2, -1, -0.5, -0.0, 0, 0.25, 0.5, 9.99, 10, 10.0, 11, 1e6, 1e300, NAN, INFINITY,
        MINUS,
    ],
    Feature("empty", "user", Bins(())): [None, 0, -1e9],
    Feature("nothing", "user", Categories(())): [None, "a"],
}
REFUSED = {Feature("price", "event", Bins((0.0,))): [True, "1", [1]]}
TIMES = {
    "none": ([None, None], None),
    "one, no now": ([0], None),
    "one, and now": ([0], 1),
    "equal": ([86400, 86400], 86400),
    "a gap in what is known": ([10, None, 5000], 5000.25),
    "a day, an hour, a minute": ([1e9, 1e9 + 60, 1e9 + 3660, 1e9 + 90060], 1e9 + 1e7),
    "just before the hour": ([3599.9999999999995, 7199.999999999999], 7200),
    "just before midnight": ([86399.99999999999, 1700006399.9999998], 1700006400),
    "every day of a week": ([86400 * day + 3600 * day for day in range(8)], None),
    "an edge of the bins": ([0, 1, 3, 7, 15, 16], 2.0**26 + 16),
    "no events": ([], 5),
}
TIMES_REFUSED = {
    "backwards": ([10, 9], None), "now before": ([10], 9), "backwards over an unknown": (
        [10, None, 9], None), "negative": ([-1], None), "no number": ([True], None),
    "not even a number": ([NAN], None), "text": (["1"], None),
}
STEPS = {
    "learn, look, take back": (True, [
        ["like", "4", {"time": 10}], ["like", "8", {"time": 20}], ["seen", 3, {}],
        ["dislike", "1", {"time": 30}], ["decay", 0.5], ["undo"], ["undo"], ["like", "1", {}],
        ["dislike", "4", {}], ["forget", "8"], ["decay", 0], ["like", "5", {}], ["undo"],
        ["forget", "nobody"], ["reset"], ["undo"], ["decay", 1],
    ]),
    "refused, with nothing changed": (True, [
        ["like", "1", {}], ["like", "99", {}], ["dislike", "99", {}], ["seen", "99", {}],
        ["decay", 1.5], ["decay", -0.5], ["decay", NAN],
    ]),
    "times that run backwards": (True, [
        ["seen", "3", {"time": 100}], ["seen", "4", {"time": 99}], ["like", "4", {"time": 99}],
        ["dislike", "4", {"time": 99}], ["dislike", "3", {"time": 100}], ["like", "5", {"time": 7}],
    ]),
    "the guard takes back what hurts": (True, [
        ["like", "4", {}], ["like", "1", {}], ["like", "2", {}], ["like", "3", {}], ["undo"],
        ["undo"], ["seen", "6", {}], ["like", "2", {}],
    ]),
    "items that repeat": (False, [
        ["like", "4", {}], ["seen", "4", {}], ["like", "4", {}], ["dislike", "4", {}],
        ["like", "4", {}], ["forget", "4"],
    ]),
    "more changes than can be undone": (True, [
        *[["seen", str(1 + n % 12), {}] for n in range(22)], *[["undo"]] * 21,
    ]),
}
# fmt: on

STATE: dict[str, Any] = {
    "format": 1,
    "model": World.fingerprint,
    "events": [
        {"id": "4", "verdict": "like", "time": 10.5},
        {"id": 3, "verdict": "seen", "time": None},
        {"id": "1", "verdict": "dislike", "time": 12},
    ],
    "vector": [0.5, -0.25, 0.0, 2.0],
    "steps": 7,
    "gains": [[0.5, 1.0], [0.0, 0.25]],
    "rolled_back": 1,
}


def _event(**changes: Any) -> dict[str, Any]:
    return {"events": [{**STATE["events"][0], **changes}]}


# fmt: off
RESTORED = [
    {}, {"vector": []}, {"vector": [], "model": "another"}, {"events": []}, {"gains": []},
    {"gains": [[0.0, n / 16] for n in range(12)]},
]
DAMAGED = [
    {"format": 2}, {"format": None}, {"model": "another"}, {"vector": [0.5]}, {"vector": [NAN] * 4},
    {"vector": None}, {"vector": [None] * 4}, {"steps": -1}, {"steps": 1.5}, {"steps": True},
    {"rolled_back": None}, {"gains": None}, {"gains": [[1.0]]}, {"gains": [[1.0, NAN]]},
    {"gains": [[2.0, 0.0]]}, {"gains": [[0.0, -0.5]]}, {"gains": ["12"]}, {"vector": "1234"},
    {"vector": ["0.5"] * 4}, {"vector": [True] * 4}, {"format": True}, {"steps": 2**53},
    {"events": None}, {"events": [None]}, {"events": [{}]},
    _event(id="99"), _event(id=None), _event(id=True), _event(id=1.5), _event(verdict="love"),
    _event(verdict=None), _event(time="10"), _event(time=True), _event(time=NAN),
    {"events": [STATE["events"][0], {**STATE["events"][0], "id": "5", "time": 10}]},
]
# fmt: on


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
    """What is told beside the item."""
    told = arguments[-1] if arguments else None
    return told if isinstance(told, dict) and "number" not in told else {}


# fmt: off
TAPS: dict[str, tuple[dict[str, Any], list[list[Any]]]] = {
    "of ids alone, beyond the newest": ({}, [[str(1 + 5 * n % 12), {}] for n in range(8)]),
    "with all that can be told": ({"user": {"age": 30}, "begin": [{"id": "3", "time": 1000}]}, [
        [None, {"now": 1500}], [None, {"now": 90000}],
        [{"id": "4", "time": 2000, "features": {"stars": 3, "tags": ["b", "c"]}}, {"now": 2100}],
        [{"id": 5, "features": {"tags": "a"}}, {"userVector": [0.5, 0.25, 0, 1]}],
        [{"id": "6", "time": 9000}, {"k": 2, "blocked": ["1", 2]}],
        [None, {"blocked": ["7"], "now": 9000}],
        [{"id": "8", "time": 9000, "features": {"stars": 4.5}}, {"now": 10**6}],
        [{"id": "8", "time": 20000}, {"now": 20001}],
    ]),
    "lists that the graph does not hold": ({"begin": ["1", "2"]}, [
        ["3", {"k": 9}], ["4", {"blocked": ["5", "6", "7", "8"]}], ["9", {}], [None, {"k": 12}],
    ]),
    "what is unknown, and what is refused": ({"begin": ["1", "99", {"id": "2", "time": 50}]}, [
        ["99", {}], ["99", {"strict": True}], ["3", {"k": 13}], ["3", {"blocked": ["99"]}],
        ["4", {"blocked": ["99"], "strict": True}], [{"id": "4", "time": 49}, {}],
        [{"id": "4"}, {"now": 49}], [{"id": "4", "features": {"colour": 1}}, {}],
        [{"id": "4", "features": {"stars": "many"}}, {}], ["4", {"userVector": [1]}],
        [{"id": "4", "time": 50}, {}],
    ]),
}
# fmt: on


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
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        begin = [told_event(one) for one in begun.get("begin", [])]
        session = Session(device, CATALOGUE, begin, begun.get("user"))
        for event, asked in taps:
            options = {"k": 5, **asked}
            device.asked.clear()
            told = {"user_vector" if k == "userVector" else k: v for k, v in options.items()}
            lines = None
            with suppress(InputError):
                lines = (
                    session.recommend(**told)
                    if event is None
                    else session.tap(told_event(event), **told)
                )
            found.append(
                {
                    "do": [event, options],
                    "list": lines and [[line.id, line.score] for line in lines],
                    "asked": list(device.asked),
                    "history": [one.id for one in session.history],
                }
            )
    return found


def told_event(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    return Event(told["id"], told.get("time"), told.get("features", {}))


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


def main() -> None:
    """Write all files."""
    for name, make in FILES.items():
        (FOLDER / name).write_text(text(make()), encoding="utf-8")
        print(f"{FOLDER / name} written")  # noqa: T201


if __name__ == "__main__":
    main()
