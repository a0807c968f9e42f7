"""What the golden files ask: values of features, times, a user's words, saved states and taps."""

from __future__ import annotations

from typing import Any

from pocketrec.features.encoding import Bins, Categories, Feature
from support.golden_world import World


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
