"""One user's own state: any words in any order, and what is saved of it by anybody."""

import copy
import json
import math
import warnings

from hypothesis import strategies as st

from pocketrec.runtime import Personal, RolledBackWarning
from pocketrec.runtime.personal import UNDO
from support.junk_values import json_values, junk, numbers, texts
from support.runtime_calls import answered
from support.small_shop import sku
from support.tally import fuzz


class Words:
    """What is known of a user who said some words: written down from the documentation."""

    def __init__(self, once):
        self.once = once  # nothing is recommended twice
        self.said = []  # (id, verdict, time)
        self.earlier = []

    def say(self, item, verdict, time):
        """Whether it was taken."""
        number = isinstance(time, int | float) and not isinstance(time, bool)
        if item not in {sku(n) for n in range(25)} or not (time is None or number):
            return False
        if time is not None and not 0 <= time <= 8.64e12:
            return False
        contradicts = self.once or verdict == "dislike"
        kept = [w for w in self.said if w[0] != item or not (contradicts or w[1] == "dislike")]
        said = [*kept, (item, verdict, time)]
        times = [w[2] for w in said if w[1] != "dislike" and w[2] is not None]
        if times != sorted(times):
            return False
        self.change(said)
        return True

    def change(self, said):
        self.earlier = [*self.earlier, self.said][-UNDO:]
        self.said = said

    def undo(self):
        if not self.earlier:
            return False
        self.said = self.earlier.pop()
        return True

    @property
    def history(self):
        return [(item, time) for item, verdict, time in self.said if verdict != "dislike"]

    @property
    def blocked(self):
        return [item for item, verdict, _ in self.said if verdict == "dislike"]


which = st.sampled_from(["wide", "told", "narrow"])
known = st.integers(0, 6).map(sku)  # few, so that words meet
items = st.one_of(known, known, known, st.sampled_from(["sku-none", "", " sku-001", 7]))
times = st.one_of(st.none(), st.none(), st.integers(0, 30), st.sampled_from([-1, math.nan, 1e13]))
words = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["like", "seen", "dislike"]), items, times),
        st.tuples(st.sampled_from(["like", "seen", "dislike"]), known, st.none()),
        st.tuples(st.just("forget"), items),
        st.tuples(st.sampled_from(["undo", "undo", "reset", "restart"])),
        st.tuples(st.just("decay"), st.sampled_from([0, 0.5, 1, -1, 1.5, math.nan])),
    ),
    max_size=40,
)


@fuzz(
    "personal: any words in any order",
    600,
    which=which,
    words=words | st.lists(st.tuples(st.just("seen"), known, st.none()), min_size=18, max_size=25),
    undone=st.integers(0, 3) | st.integers(15, 25),
)
def test_a_user_is_what_was_said(models, which, words, undone):
    model, words = models[which], [*words, *[("undo",)] * undone]
    personal, expected = Personal(model), Words(model.bundle.spec.exclude_seen)
    for name, *given in words:
        before = personal.to_json()
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            if name in ("like", "seen", "dislike"):
                item, time = given
                with answered() as outcome:
                    getattr(personal, name)(item, time=time)
                assert (outcome.error is None) == expected.say(item, name, time)
                assert outcome.error is None or personal.to_json() == before
            elif name == "forget":
                personal.forget(*given)
                expected.change([word for word in expected.said if word[0] != given[0]])
            elif name == "undo":
                assert personal.undo() == expected.undo()
            elif name == "reset":
                personal.reset()
                expected.change([])
                assert not any(personal.vector)
            elif name == "decay":
                with answered() as outcome:
                    personal.decay(*given)
                assert (outcome.error is None) == (given[0] in (0, 0.5, 1))
                if outcome.error is None:
                    assert personal.vector == [
                        number * given[0] for number in before["vector"]
                    ] or (not any(before["vector"]) and not any(personal.vector))
                    expected.change(expected.said)
            else:
                personal = Personal.from_json(model, json.loads(json.dumps(before)))
                assert personal.to_json() == before
                expected.earlier = []
        assert [(event.id, event.time) for event in personal.history] == expected.history
        assert personal.blocked == expected.blocked
        assert len(personal.vector) == 32
        assert all(map(math.isfinite, personal.vector))
        told = [note.category for note in notes]
        more = personal.rolled_back > before["rolled_back"] and name == "like"
        assert told == [RolledBackWarning] * more
    found = personal.recommend(k=25)
    hidden = set(expected.blocked)
    if model.bundle.spec.exclude_seen:
        hidden |= {item for item, _ in expected.history}
    assert {line.id for line in found} == {item.id for item in model.items} - hidden
    plain = model.recommend(
        personal.history, k=25, blocked=expected.blocked, user_vector=personal.vector
    )
    assert found == plain


# fmt: off
METHODS = {
    "like": ("item", "time", "user", "now"), "seen": ("item", "time"),
    "dislike": ("item", "time"), "forget": ("item",), "decay": ("factor",),
    "recommend": ("k", "blocked", "user", "now", "strict"),
    "explain": ("items", "most", "user", "now"), "save": ("path",), "restore": ("path",),
    "from_json": ("value",), "Personal": ("recommender", "state"),
}
# fmt: on
USUAL = {"item": sku(3), "items": [sku(3)], "factor": 0.5, "path": "", "value": {}, "state": None}


@st.composite
def calls(draw):
    name = draw(st.sampled_from(sorted(METHODS)))
    names = draw(st.lists(st.sampled_from(METHODS[name]), min_size=1, max_size=2, unique=True))
    given = {one: USUAL[one] for one in METHODS[name] if one in USUAL}
    given |= {one: draw(junk) for one in names}
    if isinstance(given.get("path"), str) and name == "save":
        given["path"] = ""  # what could be written is not to be
    return name, given


@fuzz("personal: junk in any place", 1500, call=calls(), which=which)
def test_junk_changes_nothing(models, call, which):
    model, (name, given) = models[which], call
    personal = Personal(model)
    personal.seen(sku(1), time=5)
    before = personal.to_json()
    with answered() as outcome, warnings.catch_warnings(action="ignore", category=UserWarning):
        if name == "Personal":
            Personal(**({"recommender": model} | given))
        elif name in ("restore", "from_json"):
            getattr(Personal, name)(model, **given)
        else:
            getattr(personal, name)(**given)
    if name in ("Personal", "save", "restore", "from_json"):
        assert outcome.error is not None or given.get("state") is None
    if outcome.error:
        assert personal.to_json() == before
    else:
        json.dumps(personal.to_json(), allow_nan=False)
        again = Personal.from_json(model, json.loads(json.dumps(personal.to_json())))
        assert again.to_json() == personal.to_json()


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
    """Fail unless some JSON is refused, or is a user who can go on and be kept."""
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
    found = personal.recommend(k=25)
    assert not {line.id for line in found} & set(map(str, personal.blocked))
    assert all(math.isfinite(line.score) for line in found)
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
