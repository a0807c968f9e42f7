"""A state that is carried from tap to tap gives the lists of the whole history."""

import numpy as np
import pytest

from pocketrec.bundle.query import Query
from pocketrec.errors import InputError
from support.small_models import ALL, D, K, L, N, V, histories, kinds, make, stepping, walk


@stepping
@kinds
def test_stepping_through_a_history_gives_what_recommend_gives(encoder, kind):
    device = make(encoder).device(kind)
    vector = np.random.default_rng(2).normal(size=D) / 4
    for history in histories():
        more = {"blocked": ALL[:4], "user_vector": vector}
        state, after = device.states(Query(history))
        for length in range(len(history[-L:]) + 1):
            part = history[-L:][:length]
            query = Query(part, **more)
            _, (ids, scores) = device.step(device.states(query)[0], query, k=K)
            expected, numbers = device.recommend(query, k=K)
            assert np.array_equal(ids, expected)
            np.testing.assert_allclose(scores, numbers, atol=1e-5)
        query = Query(history, **more)
        newest, (ids, scores) = device.step(state, query, k=K)
        expected, numbers = device.recommend(query, k=K)
        np.testing.assert_allclose(newest, after, atol=1e-6)
        assert np.array_equal(ids, expected)  # seen before the newest L is named outside
        np.testing.assert_allclose(scores, numbers, atol=1e-5)


@stepping
def test_a_state_says_what_was_before(encoder):
    device = make(encoder).device("int8")
    one, other = walk(9, 4), np.array([*walk(20, 2), *walk(9, 2)], np.int32)
    lists = [device.step(device.states(Query(h))[0], Query(other), k=K)[1][1] for h in (one, other)]
    assert not np.allclose(*lists, atol=1e-3)


def test_a_tap_with_more_to_hide_than_the_graph_holds_is_one_call(monkeypatch):
    device = make("gru").device("int8")
    asked = []
    run = device._run
    monkeypatch.setattr(device, "_run", lambda name, feed: asked.append(name) or run(name, feed))
    history = np.array([*ALL[-(N + 3) :], *walk(4, L)], np.int32)
    _, (ids, _) = device.step(np.zeros(device.spec.shapes.state), Query(history), k=3)
    assert asked == ["step"]
    assert len(ids) == 3
    assert not np.isin(ids, history).any()


@stepping
def test_a_list_too_long_for_the_graph_is_made_as_recommend_makes_it(encoder):
    device = make(encoder).device("int8")
    history = walk(9, 4)
    state, after = device.states(Query(history))
    for query, k in ((Query(history), V), (Query(history, blocked=ALL[: N + 1]), 3)):
        newest, ranking = device.step(state, query, k=k)
        assert np.array_equal(ranking, device.recommend(query, k=k))
        assert np.array_equal(newest, after)


@pytest.mark.parametrize("encoder", ["gru"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e10, "width", "shape"])
def test_a_state_that_is_none_is_refused(encoder, wrong):
    device = make(encoder).device("int8")
    state = np.zeros(device.spec.shapes.state + (wrong == "width"), np.float32)
    if not isinstance(wrong, str):
        state[3] = wrong
    if wrong == "shape":
        state = state[None]
    with pytest.raises(
        InputError, match=f"^state must be {device.spec.shapes.state} numbers from -1e"
    ):
        device.step(state, Query(walk(9, 4)), k=K)


def test_a_model_without_a_state_says_so():
    device = make("transformer").device("int8")
    assert not device.steps
    with pytest.raises(InputError, match="no signature 'step'"):
        device.step(np.zeros(0), Query(walk(9, 4)), k=K)
