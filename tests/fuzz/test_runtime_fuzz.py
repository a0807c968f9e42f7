"""What an app may ask a recommender: the right list, or one sentence.

The right list is made here from `score` alone: every item of the catalogue that is not hidden,
by its score, ties to the more popular one.
"""

import datetime
import warnings

import numpy as np
import pytest
from hypothesis import strategies as st

from pocketrec.runtime import Event, UnknownItemWarning, UnknownValueWarning
from support.asked_lists import (
    MOMENT,
    blocked,
    check_list,
    event_features,
    events_of_time,
    extreme,
    histories,
    ids,
    is_known,
    known,
    quiet,
    users,
    vectors,
    which,
)
from support.junk_values import json_values, junk
from support.runtime_calls import answered
from support.small_shop import sku
from support.tally import fuzz


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
        lines = model.recommend(history, k=k, blocked=blocked, user_vector=vector)
    lost = [(asked, [i for i in asked if not is_known(i, model)]) for asked in (history, blocked)]
    expected = [f"{len(some)} of {len(asked)} ids" for asked, some in lost if some]
    assert [note.category for note in notes] == [UnknownItemWarning] * len(expected)
    assert [
        str(note.message).partition(" of history")[0].partition(" of blocked")[0] for note in notes
    ] == expected
    assert history == before
    clean = [item for item in history if is_known(item, model)]
    left_out = [item for item in blocked if is_known(item, model)]
    check_list(model, lines, clean, left_out, k, user_vector=vector)
    again = model.recommend(tuple(clean), k=k, blocked=set(left_out), user_vector=vector)
    assert again == lines


@fuzz(
    "recommend: events, times, users",
    800,
    which=st.just("told"),
    items=st.lists(ids, max_size=24),
    times=events_of_time,
    features_by_event=st.lists(event_features, max_size=24),
    user=st.none() | users,
    later=st.none() | st.integers(0, 10**8),
    k=st.integers(1, 25),
)
def test_lists_of_events_are_what_scores_say(
    models, which, items, times, features_by_event, user, later, k
):
    model, clock, history = models[which], MOMENT, []
    for item, time, features in zip(items, times, features_by_event, strict=False):
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
        lines = model.recommend(history, k=k, user=user, now=now)
    assert (UnknownValueWarning in {note.category for note in notes}) == bool(strange)
    with quiet():
        check_list(model, lines, history, [], k, user=user, now=now)
        # Events of unknown items are as if they were not there, their times and features too.
        clean = [event for event in history if is_known(event.id, model)]
        moments = [
            event.time
            if event.time is None
            else datetime.datetime.fromtimestamp(event.time, datetime.UTC)
            for event in clean
        ]
        dated = [Event(e.id, m, e.features) for e, m in zip(clean, moments, strict=True)]
        assert model.recommend(dated, k=k, user=user, now=now) == lines


@fuzz(
    "session: events one by one",
    100,
    which=which,
    begun=st.lists(ids, max_size=20),
    events=st.lists(
        st.tuples(ids, st.none() | st.integers(0, 10**6), event_features, st.booleans()),
        max_size=12,
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
            lines = session.tap(event, k=k, blocked=blocked, now=clock + 60, user_vector=vector)
            if is_asked_again:
                again = {"k": k, "blocked": blocked, "now": clock + 60, "user_vector": vector}
                assert session.recommend(**again) == lines
            hidden = [i for i in blocked if is_known(i, model)]
            if model._device.steps and len(history) > model.bundle.spec.shapes.length:
                seen = (
                    {str(event.id) for event in history}
                    if model.bundle.spec.exclude_seen
                    else set()
                )
                assert not {line.id for line in lines} & {*map(str, hidden), *seen}
            else:
                check_list(model, lines, history, hidden, k, **context)
    assert session.history == history


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
        lines = model.recommend([sku(3)], k=25, user_vector=vector)
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
        check_list(model, lines, [sku(3)], [], 25, user_vector=plain)


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
    explanations = model.explain(history, items, most=most, user_vector=vector)
    assert [explanation.id for explanation in explanations] == items
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
    for place, explanation in enumerate(explanations):
        parts = {n: max(fall[place], 0) for n, fall in enumerate(falls) if fall[place] > 0}
        total = sum(parts.values())
        shares = sorted((part / total for part in parts.values()), reverse=True)[:most]
        assert [reason.share for reason in explanation.because] == pytest.approx(shares, abs=1e-3)
        assert all(reason.id in clean for reason in explanation.because)
