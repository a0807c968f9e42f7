"""One user's own state: any words in any order."""

import json
import math
import warnings

from hypothesis import strategies as st

from pocketrec.runtime import Personal, RolledBackWarning
from support.junk_values import junk
from support.runtime_calls import answered
from support.said_words import Words, known, which, words
from support.small_shop import sku
from support.tally import fuzz


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
    for name, *arguments in words:
        before = personal.to_json()
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            if name in ("like", "seen", "dislike"):
                item, time = arguments
                with answered() as outcome:
                    getattr(personal, name)(item, time=time)
                assert (outcome.error is None) == expected.say(item, name, time)
                assert outcome.error is None or personal.to_json() == before
            elif name == "forget":
                personal.forget(*arguments)
                expected.change([word for word in expected.said if word[0] != arguments[0]])
            elif name == "undo":
                assert personal.undo() == expected.undo()
            elif name == "reset":
                personal.reset()
                expected.change([])
                assert not any(personal.vector)
            elif name == "decay":
                with answered() as outcome:
                    personal.decay(*arguments)
                assert (outcome.error is None) == (arguments[0] in (0, 0.5, 1))
                if outcome.error is None:
                    assert personal.vector == [
                        number * arguments[0] for number in before["vector"]
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
        categories = [note.category for note in notes]
        more = personal.rolled_back > before["rolled_back"] and name == "like"
        assert categories == [RolledBackWarning] * more
    lines = personal.recommend(k=25)
    hidden = set(expected.blocked)
    if model.bundle.spec.exclude_seen:
        hidden |= {item for item, _ in expected.history}
    assert {line.id for line in lines} == {item.id for item in model.items} - hidden
    plain = model.recommend(
        personal.history, k=25, blocked=expected.blocked, user_vector=personal.vector
    )
    assert lines == plain


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
    arguments = {one: USUAL[one] for one in METHODS[name] if one in USUAL}
    arguments |= {one: draw(junk) for one in names}
    if isinstance(arguments.get("path"), str) and name == "save":
        arguments["path"] = ""  # what could be written is not to be
    return name, arguments


@fuzz("personal: junk in any place", 1500, call=calls(), which=which)
def test_junk_changes_nothing(models, call, which):
    model, (name, arguments) = models[which], call
    personal = Personal(model)
    personal.seen(sku(1), time=5)
    before = personal.to_json()
    with answered() as outcome, warnings.catch_warnings(action="ignore", category=UserWarning):
        if name == "Personal":
            Personal(**({"recommender": model} | arguments))
        elif name in ("restore", "from_json"):
            getattr(Personal, name)(model, **arguments)
        else:
            getattr(personal, name)(**arguments)
    if name in ("Personal", "save", "restore", "from_json"):
        assert outcome.error is not None or arguments.get("state") is None
    if outcome.error:
        assert personal.to_json() == before
    else:
        json.dumps(personal.to_json(), allow_nan=False)
        again = Personal.from_json(model, json.loads(json.dumps(personal.to_json())))
        assert again.to_json() == personal.to_json()
