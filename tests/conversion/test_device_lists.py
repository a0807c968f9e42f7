"""Lists of every exported file: nothing hidden is shown, and what cannot be is refused."""

import os
from functools import cache

import numpy as np
import pytest
import torch

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.bundle.quiet import without_info_lines
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.codes import fit_codes
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.errors import BundleError, InputError
from pocketrec.models.recommender import RecommenderModel
from pocketrec.tflite.shrink import shrink
from support.small_models import (
    ALL,
    NOBODY,
    ROUND,
    C,
    D,
    K,
    L,
    N,
    V,
    encoders,
    histories,
    kinds,
    make,
    walk,
)

MANY = 400


@cache
def many_items():
    """A model without successors, its spec and its float file."""
    torch.manual_seed(1)
    config = ModelConfig(encoder="gru", dim=D, max_length=L, successors=0)
    model = RecommenderModel(MANY, config).eval()
    spec = GraphSpec(Shapes(L, D, MANY, K, C, N, state=model.state_width), exclude_seen=True)
    return model, spec, convert(model, spec)


@pytest.mark.parametrize("kind", ["int8", "pq"])
@pytest.mark.parametrize("hidden", [0, N, N + 3])
def test_a_longer_list_begins_with_the_shorter_one(kind, hidden):
    """Without successors `recommend` rounds more than `score`, which makes the rest of a list."""
    model, spec, full = many_items()
    codes = fit_codes(model, ROUND, np.ones(MANY, np.int64), 4) if kind == "pq" else None
    device = DeviceModel(shrink(quantize(full, kind, codes)), spec)
    random = np.random.default_rng(1)
    for _ in range(30):
        history = random.integers(1, MANY + 1, 4).astype(np.int32)
        blocked = random.permutation(MANY)[:hidden].astype(np.int32) + 1
        query = Query(history, blocked=blocked)
        whole, _ = device.recommend(query, k=MANY)
        assert len(whole) == len(set(whole)) == MANY - len({*history, *blocked})
        # Three of the K may be hidden by name, as the graph has room for N.
        for k in (1, K - 3, K + 1):
            assert np.array_equal(device.recommend(query, k=k)[0], whole[:k])
        assert not np.isin(whole, [*history, *blocked]).any()
        state, _ = device.states(Query(history))
        _, (stepped, _) = device.step(state, query, k=K + 1)
        assert np.array_equal(stepped, whole[: K + 1])


@encoders
@kinds
def test_hidden_items_are_never_shown(encoder, kind):
    device = make(encoder).device(kind)
    random = np.random.default_rng(5)
    for history in histories():
        for count in (0, 1, N, V - 2, V):
            blocked = random.permutation(ALL)[:count]
            for k in (1, K, V):
                ids, scores = device.recommend(Query(history, blocked=blocked), k=k)
                free = np.setdiff1d(ALL, [*blocked, *history])
                assert set(ids) <= set(free)
                assert len(ids) == len(set(ids)) == min(k, len(free))
                assert (np.diff(scores) <= 0).all()


@encoders
def test_nobody_gets_the_popular_items(encoder):
    ids, _ = make(encoder).device("int8").recommend(Query(NOBODY), k=K)
    # Trained so that item 1 is the most frequent first event, then item 2, ...
    assert np.corrcoef(ids, np.arange(K))[0, 1] > 0.9
    assert ids[0] == 1


def test_seen_items_beyond_the_newest_are_hidden_too():
    device = make("bow").device("int8")
    history = walk(20, L + N)  # its oldest fill the tensor of blocked items
    for length in (L + 1, L + N, L + N + 1, V - 1):
        history = walk(20, length)
        ids, _ = device.recommend(Query(history), k=K)
        assert not set(ids) & set(history)
        assert len(ids) == min(K, V - length)


def test_seen_items_are_shown_where_users_repeat():
    device = make("bow", exclude_seen=False).device("int8")
    ids, _ = device.recommend(Query(ALL), k=V)
    assert sorted(ids) == ALL.tolist()
    ids, _ = device.recommend(Query(ALL[:3], blocked=ALL[:20]), k=V)
    assert sorted(ids) == ALL[20:].tolist()


def test_an_index_may_be_blocked_more_than_once():
    device = make("bow").device("int8")
    blocked = np.repeat(ALL[:2], 20)
    ids, _ = device.recommend(Query(NOBODY, blocked=blocked), k=K)
    expected, _ = device.recommend(Query(NOBODY, blocked=ALL[:2]), k=K)
    assert np.array_equal(ids, expected)


@pytest.mark.parametrize("index", [-1, 0, V + 1, 2**31 - 1])
def test_indices_out_of_the_catalogue_are_refused(index):
    device = make("bow").device("int8")
    wrong = np.array([1, index], np.int32)
    for call in (
        lambda: device.recommend(Query(wrong), k=1),
        lambda: device.recommend(Query(NOBODY, blocked=wrong), k=1),
        lambda: device.recommend(Query(np.concatenate([wrong, ALL])), k=1),
        lambda: device.score(Query(wrong), ALL),
        lambda: device.score(Query(NOBODY), wrong),
    ):
        with pytest.raises(InputError, match=f"1..{V}"):
            call()


@pytest.mark.parametrize(
    "vector", [np.full(D, np.nan), np.full(D, np.inf), np.full(D, 1e30), np.zeros(D + 1)]
)
def test_a_user_vector_that_cannot_be_added_is_refused(vector):
    device = make("bow").device("int8")
    with pytest.raises(InputError, match=f"{D} numbers"):
        device.recommend(Query(NOBODY, user_vector=vector), k=1)


def test_the_largest_user_vector_hides_no_item():
    device = make("bow").device("float32")
    for value in (1e4, -1e4):
        ids, _ = device.recommend(Query(NOBODY, user_vector=np.full(D, value)), k=K)
        assert len(ids) == K


def test_threads_must_be_a_positive_number():
    made = make("bow")
    for threads in (0, -1, True, 1.0):
        with pytest.raises(InputError, match="threads"):
            DeviceModel(made.content("int8"), made.spec, threads=threads)


def test_what_the_runtime_cannot_load_is_refused():
    made = make("bow")
    content = made.content("int8")
    with pytest.raises(BundleError, match="cannot load"):
        DeviceModel(content[: len(content) // 2], made.spec)


def test_only_notes_of_the_runtime_are_kept_off_the_terminal(capfd):
    @without_info_lines()
    def fail():
        os.write(2, b"INFO: a delegate\nERROR: a kernel is missing\n")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    assert capfd.readouterr().err == "ERROR: a kernel is missing\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_loading_says_nothing_on_the_terminal(capfd):
    make("bow").device("int8")
    assert capfd.readouterr() == ("", "")
