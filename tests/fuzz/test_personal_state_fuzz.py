"""What is saved of a user's state, changed by anybody, is refused or lives."""

import copy
import json
import math
import warnings

from hypothesis import strategies as st

from pocketrec.runtime import Personal, RolledBackWarning
from support.junk_values import json_values, numbers, texts
from support.runtime_calls import answered
from support.said_words import known, which
from support.small_shop import sku
from support.tally import fuzz


def saved(model):
    """A real state, with all that a state may have."""
    personal = Personal(model)
    for n in range(3):
        personal.like(sku(n), time=float(n))
    personal.seen(sku(5))
    personal.dislike(sku(6), time=7)
    return personal.to_json()


def places(value, at=()):
    """The paths of all that is in some JSON."""
    yield at
    if not isinstance(value, dict | list):
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places(one, (*at, key))


def check_restored(model, value):
    """Fail unless the JSON is refused, or is a user who can go on and be saved again."""
    with answered() as outcome:
        personal = Personal.from_json(model, value)
    if outcome.error:
        assert (
            "state" in str(outcome.error)
            or "unknown" in str(outcome.error)
            or ("backwards" in str(outcome.error) or "vector" in str(outcome.error))
        )
        return
    for event in value["events"]:
        assert type(event["id"]) in (int, str)
        assert event["verdict"] in ("like", "seen", "dislike")
        assert event["time"] is None or 0 <= event["time"] <= 8.64e12
    assert all(abs(number) <= 1e4 for number in value["vector"])
    assert all(0 <= gain <= 1 for pair in value["gains"] for gain in pair)
    assert all(0 <= value[count] < 2**53 for count in ("steps", "rolled_back"))
    kept = personal.to_json()
    for name in ("format", "vector", "steps", "rolled_back"):
        assert kept[name] == value[name]
    assert kept["gains"] == value["gains"][-10:]
    names = ("id", "verdict", "time")
    assert kept["events"] == [{name: e[name] for name in names} for e in value["events"]]
    lines = personal.recommend(k=25)
    assert not {line.id for line in lines} & set(map(str, personal.blocked))
    assert all(math.isfinite(line.score) for line in lines)
    with warnings.catch_warnings(action="ignore", category=RolledBackWarning):
        personal.like(sku(9))
    again = Personal.from_json(model, json.loads(json.dumps(personal.to_json(), allow_nan=False)))
    assert again.to_json() == personal.to_json()


@fuzz(
    "saved state: a real one, mutated",
    1200,
    which=which,
    mutations=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 5), json_values | numbers),
        min_size=1,
        max_size=3,
    ),
)
def test_a_mutated_state_is_refused_or_lives(models, which, mutations):
    model = models[which]
    value = saved(model)
    for place, act, new in mutations:
        paths = list(places(value))[1:] or [()]
        *above, last = paths[place % len(paths)] or ("format",)
        inside = value
        for key in above:
            inside = inside[key]
        if act == 0:
            del inside[last]
        elif act == 1 and isinstance(inside, list):
            inside.append(copy.deepcopy(inside[last]))
        elif act == 2 and isinstance(inside[last], str):
            inside[last] = inside[last][:-1]
        elif act == 3 and isinstance(inside[last], int | float):
            inside[last] = -inside[last]
        else:
            inside[last] = new
    check_restored(model, value)


likely = st.fixed_dictionaries(
    {
        "format": st.just(1),
        "model": st.none(),
        "events": st.lists(
            st.fixed_dictionaries(
                {
                    "id": known | st.integers() | json_values,
                    "verdict": st.sampled_from(["like", "seen", "dislike"]),
                    "time": st.none() | numbers,
                }
            ),
            max_size=3,
        ),
        "vector": st.just([]) | st.lists(numbers, max_size=33),
        "gains": st.lists(st.lists(st.floats(0, 1) | numbers, min_size=2, max_size=2), max_size=12),
        "steps": st.integers(0, 9) | numbers,
        "rolled_back": st.integers(0, 9) | numbers,
    }
)


@fuzz("saved state: any JSON", 800, which=which, value=json_values | likely)
def test_any_json_is_refused_or_lives(models, which, value):
    check_restored(models[which], value)


@fuzz(
    "saved state: a file of any bytes",
    500,
    content=st.binary() | texts.map(lambda text: text.encode(errors="surrogatepass")),
    cut=st.none() | st.tuples(st.integers(0, 1500), st.integers(0, 3)),
)
def test_a_file_of_any_bytes_is_refused_or_is_the_state(featured, tmp_path, content, cut):
    """By themselves, or put into a real file in the place of none or a few of its bytes."""
    if cut is not None:
        real = json.dumps(saved(featured)).encode()
        content = real[: cut[0]] + content + real[cut[0] + cut[1] :]
    file = tmp_path / "user.json"
    file.write_bytes(content)
    with answered() as outcome:
        personal = Personal.restore(featured, file)
    if outcome.error is None:
        check_restored(featured, json.loads(content))
        assert personal.state == Personal.from_json(featured, json.loads(content)).state
