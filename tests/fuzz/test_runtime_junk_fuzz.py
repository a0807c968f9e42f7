"""Junk given to a recommender is answered, or refused with one sentence."""

import math
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from pocketrec.runtime import Event, Recommender
from support.asked_lists import catalogue, check_list, event_features, known, quiet, which
from support.junk_values import json_values, junk
from support.runtime_calls import answered
from support.small_shop import sku
from support.tally import fuzz

# fmt: off
STRANGE = {
    "history": junk, "k": junk, "blocked": junk, "user": junk, "now": junk, "user_vector": junk,
    "candidates": junk, "items": junk, "most": junk, "item": junk, "liked": junk,
    "learning_rate": junk, "strict": json_values, "event": junk,
}


# fmt: on
CALLS = {
    "recommend": ("history", "k", "blocked", "user", "now", "user_vector", "strict"),
    "score": ("history", "candidates", "user", "now", "user_vector"),
    "adapt": ("item", "liked", "learning_rate", "user_vector"),
    "explain": ("history", "items", "most", "user", "now", "user_vector"),
    "session": ("history", "user", "strict"),
    "tap": ("event", "k", "blocked", "now", "user_vector", "strict"),
}
USUAL = {
    "history": [sku(1), sku(2)],
    "candidates": [sku(3), sku(4)],
    "items": [sku(3)],
    "item": sku(5),
    "event": sku(6),
}


@st.composite
def calls(draw):
    """A method and its arguments, one or two of them anything."""
    call = draw(st.sampled_from(sorted(CALLS)))
    names = draw(st.lists(st.sampled_from(CALLS[call]), min_size=1, max_size=2, unique=True))
    arguments = {name: USUAL[name] for name in CALLS[call] if name in USUAL}
    return call, arguments | {name: draw(STRANGE[name]) for name in names}


@fuzz("runtime: junk in any place", 2500, call=calls(), which=which)
def test_junk_is_answered(models, call, which):
    model, (call, arguments) = models[which], call
    with answered() as outcome, quiet():
        asked = model.session([sku(1)]) if call == "tap" else model
        answer = getattr(asked, call)(**arguments)
    if outcome.error:
        return
    if call == "session":
        answer, call, arguments = answer.recommend(), "recommend", {}
    size = {"recommend": 10, "adapt": 32}.get(call)
    if call in ("recommend", "tap"):
        size = arguments.get("k", 10)
        assert 1 <= size <= 25
        assert len(answer) <= size
        assert {line.id for line in answer} <= set(catalogue(model))
        assert all(math.isfinite(line.score) for line in answer)
    elif call == "adapt":
        assert len(answer) == size
        assert all(map(math.isfinite, answer))
    elif call == "score":
        assert all(map(math.isfinite, answer))
    else:
        for explanation in answer:
            assert explanation.id in catalogue(model)
            assert all(0 < reason.share <= 1 + 1e-9 for reason in explanation.because)


@fuzz(
    "runtime: events of junk",
    1000,
    which=which,
    events=st.lists(
        st.builds(
            Event,
            st.one_of(known, known, known, junk),
            st.one_of(st.none(), st.integers(0, 10**10), junk),
            st.one_of(
                st.just({}),
                event_features,
                st.dictionaries(st.sampled_from(["channel", "pieces"]), junk),
                junk,
            ),
        ),
        max_size=5,
    ),
)
def test_events_of_junk_are_answered(models, which, events):
    model = models[which]
    with answered() as outcome, quiet():
        lines = model.recommend(events, k=5)
    if outcome.error is None:
        with quiet():
            check_list(model, lines, events, [], 5)
        assert all(isinstance(event.id, str | int | np.integer) for event in events)


@fuzz("load: any path", 300, path=junk | st.text().map(Path))
def test_what_is_no_bundle_is_not_loaded(path):
    with answered() as outcome:
        Recommender.load(path)
    assert outcome.error is not None


@fuzz("load: any threads", 60, threads=junk | st.integers(-2, 4))
def test_threads_are_a_few(fresh_shop, threads):
    with answered() as outcome:
        Recommender.load(fresh_shop.bundle, threads=threads)
    assert (outcome.error is None) == (type(threads) is int and 1 <= threads <= 256)
