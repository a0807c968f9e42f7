"""What an app may ask a recommender: the right list, or one sentence.

The right list is made here from `score` alone: every item of the catalogue that is not hidden,
by its score, ties to the more popular one.
"""

import datetime
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from pocketrec.runtime import Event, Recommender, UnknownItemWarning, UnknownValueWarning
from support.junk_values import huge, json_values, junk, texts
from support.runtime_calls import answered
from support.small_shop import sku
from support.tally import fuzz

which = st.sampled_from(["wide", "told", "narrow"])
known = st.integers(0, 24).map(sku)
spelled = known | known.map(np.str_)
unknown = st.one_of(
    known.map(lambda id_: f" {id_}"),
    known.map(lambda id_: id_.upper()),
    known.map(lambda id_: id_.replace("0", "\uff10")),  # digits that only look alike
    st.integers(),
    st.sampled_from([np.int64(-5), np.uint8(7), 2**64]),
    huge,
    texts.filter(lambda text: not text.startswith("sku-")),
)
ids = spelled | unknown
histories = st.one_of(
    st.lists(spelled, max_size=8),
    st.lists(ids, max_size=8),
    st.lists(ids, min_size=17, max_size=60),  # L is 16
    st.lists(unknown, max_size=5),
    st.permutations([sku(n) for n in range(25)]),  # everything seen
)
blocked = st.one_of(
    st.lists(ids, max_size=4),
    st.lists(spelled, max_size=30),
    st.just([sku(n) for n in range(25)]),
)
vectors = st.none() | st.lists(st.floats(-3, 3, width=32), min_size=32, max_size=32)
extreme = st.lists(st.sampled_from([0.0, 1e4, -1e4, 5e-324, -0.0, 1]), min_size=32, max_size=32)

MOMENT = 1_767_225_600
events_of_time = st.lists(st.none() | st.integers(0, 10**9), max_size=24)
users = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["IT", "NO", "??", None, ["NO", "IT"], 7]),
        "age": st.none() | st.integers(0, 120) | st.floats(),
    },
)
told = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["app", "web", ["web", "sale"], ["fax", "app"], [], None]),
        "pieces": st.none() | st.integers(-3, 9) | st.floats(),
    },
)


def catalogue(model):
    return [item.id for item in model.items]


def is_known(item, model):
    return str(item) in catalogue(model) if isinstance(item, str) else False


def quiet():
    """What is unknown is told by warnings, which are counted elsewhere."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def ranked(model, history, hidden, k, **context):
    """The list that `recommend` has to give."""
    left = [item for item in catalogue(model) if item not in hidden]
    scores = model.score(history, left, **context)
    order = sorted(range(len(left)), key=lambda n: (-scores[n], n))[:k]
    return [left[n] for n in order], [scores[n] for n in order]


def check_list(model, found, history, blocked, k, **context):
    """Fail unless a list is the one that scores give, of known ids only."""
    history = [event for event in history if is_known(getattr(event, "id", event), model)]
    seen = {str(getattr(event, "id", event)) for event in history}
    hidden = {str(item) for item in blocked} | (seen if model.bundle.spec.exclude_seen else set())
    left = set(catalogue(model)) - hidden
    items, scores = ranked(model, history, hidden, k, **context)
    got = [line.score for line in found]
    assert len(found) == min(k, len(left))
    assert {line.id for line in found} <= left
    assert all(map(math.isfinite, got))
    np.testing.assert_allclose(got, scores, rtol=1e-5, atol=1e-4)
    assert got == sorted(got, reverse=True)
    for line, item, score in zip(found, items, scores, strict=True):
        # Two signatures of a file may round their sums each in its own way.
        assert line.id == item or abs(model.score(history, [line.id], **context)[0] - score) < 1e-4
    titles = {item.id: item.title for item in model.items}
    assert all(line.title == titles[line.id] for line in found)


@fuzz(
    "recommend: any ids",
    1200,
    which=which,
    history=histories,
    blocked=blocked,
    k=st.integers(1, 25),
    vector=vectors | extreme,
)
def test_lists_are_what_scores_say(models, which, history, blocked, k, vector):
    model = models[which]
    before = list(history)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        found = model.recommend(history, k=k, blocked=blocked, user_vector=vector)
    lost = [(given, [i for i in given if not is_known(i, model)]) for given in (history, blocked)]
    told = [f"{len(some)} of {len(given)} ids" for given, some in lost if some]
    assert [note.category for note in notes] == [UnknownItemWarning] * len(told)
    assert [
        str(note.message).partition(" of history")[0].partition(" of blocked")[0] for note in notes
    ] == told
    assert history == before
    clean = [item for item in history if is_known(item, model)]
    left_out = [item for item in blocked if is_known(item, model)]
    check_list(model, found, clean, left_out, k, user_vector=vector)
    again = model.recommend(tuple(clean), k=k, blocked=set(left_out), user_vector=vector)
    assert again == found


@fuzz(
    "recommend: events, times, users",
    800,
    which=st.just("told"),
    items=st.lists(ids, max_size=24),
    times=events_of_time,
    told=st.lists(told, max_size=24),
    user=st.none() | users,
    later=st.none() | st.integers(0, 10**8),
    k=st.integers(1, 25),
)
def test_lists_of_events_are_what_scores_say(models, which, items, times, told, user, later, k):
    model, clock, history = models[which], MOMENT, []
    for item, time, features in zip(items, times, told, strict=False):
        clock += time or 0
        history.append(Event(item, None if time is None else clock, features))
    now = None if later is None else clock + later
    values = [
        (event.features.get("channel"), ("app", "sale", "web"))
        for event in history
        if is_known(event.id, model)
    ]
    values.append(((user or {}).get("country"), ("IT", "NO")))
    strange = [
        one
        for value, training in values
        for one in (value if isinstance(value, list) else [value])
        if one is not None and one not in training
    ]
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        found = model.recommend(history, k=k, user=user, now=now)
    assert (UnknownValueWarning in {note.category for note in notes}) == bool(strange)
    with quiet():
        check_list(model, found, history, [], k, user=user, now=now)
        # Events of unknown items are as if they were not there, their times and features too.
        clean = [event for event in history if is_known(event.id, model)]
        moments = [
            event.time
            if event.time is None
            else datetime.datetime.fromtimestamp(event.time, datetime.UTC)
            for event in clean
        ]
        dated = [Event(e.id, m, e.features) for e, m in zip(clean, moments, strict=True)]
        assert model.recommend(dated, k=k, user=user, now=now) == found


@fuzz(
    "session: events one by one",
    100,
    which=which,
    begun=st.lists(ids, max_size=20),
    events=st.lists(
        st.tuples(ids, st.none() | st.integers(0, 10**6), told, st.booleans()), max_size=12
    ),
    user=users,
    k=st.integers(1, 25),
    blocked=blocked,
    vector=vectors,
)
def test_sessions_give_what_recommend_gives(models, which, begun, events, user, k, blocked, vector):
    model, clock = models[which], MOMENT
    described = user if model.features else None
    with quiet():
        session = model.session(begun, user=described)
        history = session.history
        for item, later, features, is_asked_again in events:
            clock += later or 0
            moment = None if later is None or not model.features else clock
            event = Event(item, moment, features if model.features else {})
            if is_known(item, model):
                history.append(event)
            context = {"user": described, "now": clock + 60, "user_vector": vector}
            found = session.tap(event, k=k, blocked=blocked, now=clock + 60, user_vector=vector)
            if is_asked_again:
                again = {"k": k, "blocked": blocked, "now": clock + 60, "user_vector": vector}
                assert session.recommend(**again) == found
            hidden = [i for i in blocked if is_known(i, model)]
            if model._device.steps and len(history) > model.bundle.spec.shapes.length:
                seen = (
                    {str(event.id) for event in history}
                    if model.bundle.spec.exclude_seen
                    else set()
                )
                assert not {line.id for line in found} & {*map(str, hidden), *seen}
            else:
                check_list(model, found, history, hidden, k, **context)
    assert session.history == history


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
    given = {name: USUAL[name] for name in CALLS[call] if name in USUAL}
    return call, given | {name: draw(STRANGE[name]) for name in names}


@fuzz("runtime: junk in any place", 2500, call=calls(), which=which)
def test_junk_is_answered(models, call, which):
    model, (call, given) = models[which], call
    with answered() as outcome, quiet():
        asked = model.session([sku(1)]) if call == "tap" else model
        found = getattr(asked, call)(**given)
    if outcome.error:
        return
    if call == "session":
        found, call, given = found.recommend(), "recommend", {}
    size = {"recommend": 10, "adapt": 32}.get(call)
    if call in ("recommend", "tap"):
        size = given.get("k", 10)
        assert 1 <= size <= 25
        assert len(found) <= size
        assert {line.id for line in found} <= set(catalogue(model))
        assert all(math.isfinite(line.score) for line in found)
    elif call == "adapt":
        assert len(found) == size
        assert all(map(math.isfinite, found))
    elif call == "score":
        assert all(map(math.isfinite, found))
    else:
        for explanation in found:
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
                told,
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
        found = model.recommend(events, k=5)
    if outcome.error is None:
        with quiet():
            check_list(model, found, events, [], 5)
        assert all(isinstance(event.id, str | int | np.integer) for event in events)


@fuzz(
    "runtime: user vectors",
    500,
    which=which,
    vector=junk
    | extreme
    | st.lists(st.floats(), min_size=32, max_size=32)
    | st.lists(json_values, min_size=31, max_size=33)
    | st.lists(st.booleans(), min_size=32, max_size=32),
)
def test_vectors_are_taken_or_refused(models, which, vector):
    model = models[which]
    with answered() as outcome:
        found = model.recommend([sku(3)], k=25, user_vector=vector)
    try:
        plain = [float(number) for number in vector]
        sane = len(plain) == 32 and all(abs(number) <= 1e4 for number in plain)
        sane = sane and all(
            isinstance(n, int | float | np.number) and not isinstance(n, bool) for n in vector
        )
    except Exception:
        sane = vector is None
        plain = None
    assert (outcome.error is None) == sane
    if sane:
        check_list(model, found, [sku(3)], [], 25, user_vector=plain)


@fuzz(
    "adapt: any step",
    400,
    which=which,
    item=known,
    liked=st.booleans(),
    rate=st.floats(0, 1e4),
    vector=vectors | extreme,
)
def test_steps_are_finite_and_opposite(models, which, item, liked, rate, vector):
    """A like raises the item's score, against a dislike."""
    model = models[which]
    stepped = model.adapt(item, liked=liked, learning_rate=rate, user_vector=vector)
    start = np.zeros(32) if vector is None else np.asarray(vector)
    assert np.isfinite(stepped).all()
    other = model.adapt(item, liked=not liked, learning_rate=rate, user_vector=vector)
    tolerance = 1e-5 * (1 + rate + np.abs(start).max())
    np.testing.assert_allclose((np.asarray(stepped) + other) / 2, start, atol=tolerance)
    assert model.adapt(item, liked=liked, learning_rate=0.0, user_vector=vector) == pytest.approx(
        start.tolist(), abs=1e-6 * (1 + np.abs(start).max())
    )


@fuzz(
    "explain: any history",
    300,
    which=which,
    history=st.lists(ids, max_size=6),
    items=st.lists(known, max_size=4),
    most=st.integers(1, 9) | st.just(10**30),
    vector=vectors,
)
def test_reasons_are_events_whose_absence_costs(models, which, history, items, most, vector):
    model = models[which]
    clean = [item for item in history if is_known(item, model)]
    found = model.explain(history, items, most=most, user_vector=vector)
    assert [explanation.id for explanation in found] == items
    whole = model.score(clean, items, user_vector=vector)
    falls = [
        [
            a - b
            for a, b in zip(
                whole,
                model.score(clean[:n] + clean[n + 1 :], items, user_vector=vector),
                strict=True,
            )
        ]
        for n in range(len(clean))
    ]
    for place, explanation in enumerate(found):
        parts = {n: max(fall[place], 0) for n, fall in enumerate(falls) if fall[place] > 0}
        total = sum(parts.values())
        shares = sorted((part / total for part in parts.values()), reverse=True)[:most]
        assert [reason.share for reason in explanation.because] == pytest.approx(shares, abs=1e-3)
        assert all(reason.id in clean for reason in explanation.because)


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
