"""What every exported file does, whatever its encoder: as torch does, and nothing hidden shown."""

import os
from functools import cache

import numpy as np
import pytest
import torch

from pocketrec.bundle.contract import OPERATORS, GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.bundle.quiet import without_info_lines
from pocketrec.config.load import parse_config
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.codes import fit_codes
from pocketrec.conversion.convert import convert
from pocketrec.conversion.dry_run import convert_encoder
from pocketrec.conversion.quantize import quantize
from pocketrec.errors import BundleError, InputError
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import pad_histories
from pocketrec.schema import Signature
from pocketrec.tflite.inspect import TensorSpec, inspect
from pocketrec.tflite.parsed import each_operator, stored
from pocketrec.tflite.serialize import parse
from pocketrec.tflite.shrink import shrink
from support.small_models import ENCODERS, ROUND, STEPPING, C, D, K, L, N, V, make, successor, walk

ALL = np.arange(1, V + 1, dtype=np.int32)
NOBODY = np.empty(0, np.int32)
MANY = 400

encoders = pytest.mark.parametrize("encoder", ENCODERS)
stepping = pytest.mark.parametrize("encoder", STEPPING)
kinds = pytest.mark.parametrize("kind", ["float32", "int8", "pq"])


def histories(seed=3):
    """Of every length to twice L: walks, and items in any order."""
    random = np.random.default_rng(seed)
    for length in range(2 * L + 1):
        yield walk(int(random.integers(1, V + 1)), length)
        yield random.integers(1, V + 1, length).astype(np.int32)


@encoders
def test_the_float_file_equals_torch(encoder):
    made = make(encoder)
    device, scorer = made.device("float32"), made.scorer()
    for history in histories():
        expected = scorer([history])[0]
        found = device.score(Query(history), ALL)
        assert np.abs(found - expected).max() <= 1e-4 * expected.std(), len(history)


@encoders
@kinds
def test_the_trained_file_knows_what_comes_next(encoder, kind):
    device = make(encoder).device(kind)
    for last in range(1, V + 1):
        ids, _ = device.recommend(Query(walk(last, 3)), k=1)
        assert ids.tolist() == [successor(last)]


@encoders
def test_int8_gives_nearly_the_lists_of_float(encoder):
    made = make(encoder)
    full, small = made.device("float32"), made.device("int8")
    same = [
        len(np.intersect1d(full.recommend(Query(h), k=10)[0], small.recommend(Query(h), k=10)[0]))
        for h in (walk(last, length) for last in ALL for length in (1, 4, L))
    ]
    assert np.mean(same) / 10 >= 0.95


@encoders
def test_int8_shares_one_table_and_is_smaller(encoder):
    made = make(encoder)
    facts = inspect(made.content("int8"))
    assert set(facts.operators) <= OPERATORS
    tables = {c for c in facts.constants if c.shape == (V + 1, D)}
    assert {table.dtype for table in tables} == {"int8"}
    assert len({table.buffer for table in tables}) == 1
    assert len(made.content("int8")) < len(made.content("float32"))


@encoders
def test_the_dry_run_sees_every_operator_that_an_encoder_brings(encoder):
    """What it does not convert, ranking, brings what is in the simplest encoder's file too."""
    made = make(encoder)
    model = {"encoder": encoder, "dim": D, "max_length": L}
    config = parse_config({"data": {"path": "x"}, "model": model}, name="test")
    tried = {*inspect(convert_encoder(config, ())).operators}
    assert {*inspect(made.content("int8")).operators} <= tried | {
        *inspect(make("bow").content("int8")).operators
    }


@encoders
@kinds
def test_signatures_are_those_of_the_design(encoder, kind):
    found = inspect(make(encoder).content(kind)).signatures
    history = {
        "item_id": TensorSpec("int32", (1, L)),
        "user_vector": TensorSpec("float32", (1, D)),
    }
    assert found["recommend"].inputs == history | {"blocked": TensorSpec("int32", (1, N))}
    assert found["recommend"].outputs == {
        "ids": TensorSpec("int32", (1, K)),
        "scores": TensorSpec("float32", (1, K)),
    }
    assert found["score"].inputs == history | {"candidates": TensorSpec("int32", (1, C))}
    assert found["score"].outputs == {"scores": TensorSpec("float32", (1, C))}
    assert found["adapt"].inputs == {
        "user_vector": TensorSpec("float32", (1, D)),
        "candidates": TensorSpec("int32", (1, C)),
        "target": TensorSpec("float32", (1, C)),
        "learning_rate": TensorSpec("float32", (1, 1)),
    }
    assert found["adapt"].outputs == {"user_vector": TensorSpec("float32", (1, D))}
    named = {Signature.RECOMMEND, Signature.SCORE, Signature.ADAPT}
    if encoder not in STEPPING:
        assert set(found) == named
        return
    assert set(found) == {*named, Signature.STEP}
    state = {"state": TensorSpec("float32", (1, make(encoder).model.state_width))}
    assert found["step"].inputs == found["recommend"].inputs | state
    assert found["step"].outputs == found["recommend"].outputs | state


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


@encoders
def test_a_user_vector_is_added_and_zero_changes_nothing(encoder):
    made = make(encoder)
    device = made.device("float32")
    history = walk(9, 4)
    plain = device.score(Query(history), ALL)
    assert np.array_equal(device.score(Query(history, user_vector=np.zeros(D)), ALL), plain)
    vector = np.random.default_rng(1).normal(size=D).astype(np.float32)
    table = made.model.table.detach().numpy()
    item_id = torch.from_numpy(pad_histories([history], L))
    with torch.no_grad():
        user = made.model.user_vector(item_id) + torch.from_numpy(vector)
        expected = made.model.scores(user, item_id)[0, 1:].numpy()
    found = device.score(Query(history, user_vector=vector), ALL)
    assert not np.array_equal(np.argsort(expected), np.argsort(plain))
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.std())
    # Towards one item, far enough, and that item leads the list.
    ids, _ = device.recommend(Query(history, user_vector=20 * table[25]), k=1)
    assert ids.tolist() == [25]


@encoders
@kinds
def test_scores_are_those_that_recommend_reports(encoder, kind):
    device = make(encoder).device(kind)
    for history in histories():
        ids, scores = device.recommend(Query(history), k=K)
        assert np.array_equal(device.score(Query(history), ids), scores)


@kinds
def test_candidates_are_scored_from_their_own_rows(kind):
    """Where nothing follows; `recommend` rounds the user, of which the most is known."""
    made = make("bow", successors=0)
    device, table = made.device(kind), made.model.table.detach().numpy()
    if kind == "pq":
        table = made.codes.decoded()
    for history in histories():
        ids, scores = device.recommend(Query(history), k=K)
        with torch.no_grad():
            user = made.model.user_vector(torch.from_numpy(pad_histories([history], L))).numpy()
        # With a little for the rows' own rounding, and for that of the encoder before.
        spread = (max(user.max(), 0) - min(user.min(), 0)) / 510 * np.abs(table[ids]).sum(1)
        allowed = 1e-5 if kind == "float32" else 1.5 * spread + 0.01
        assert (np.abs(device.score(Query(history), ids) - scores) <= allowed).all()


def readers(content, signature):
    """What reads constants with a row for each item, in the graph of a signature."""
    model = parse(content)
    key = signature.encode()
    (graph,) = (
        model.subgraphs[s.subgraphIndex] for s in model.signatureDefs if s.signatureKey == key
    )
    tables = {
        index
        for index, tensor in enumerate(graph.tensors)
        if stored(model, tensor) and len(tensor.shape) and tensor.shape[0] == V + 1
    }
    return {name for name, found in each_operator(model, graph) if tables & set(found.inputs)}


@kinds
def test_without_successors_score_looks_up_rows_and_reads_no_whole_table(kind):
    few = {"EMBEDDING_LOOKUP"} if kind != "pq" else {"GATHER"}
    content = make("bow", successors=0).content(kind)
    assert readers(content, "score") == few
    assert readers(content, "recommend") > few


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
def test_calls_leave_nothing_behind(encoder):
    device = make(encoder).device("int8")
    first = device.recommend(Query(walk(7, 5), blocked=ALL[:3]), k=K)
    scores = device.score(Query(walk(7, 5)), ALL)
    device.recommend(Query(walk(20, L), blocked=ALL[10:15], user_vector=np.ones(D)), k=K)
    device.score(Query(walk(3, 2), user_vector=np.ones(D)), ALL)
    again = device.recommend(Query(walk(7, 5), blocked=ALL[:3]), k=K)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(device.score(Query(walk(7, 5)), ALL), scores)


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


@kinds
def test_scoring_all_items_agrees_with_the_graph(kind):
    device = make("cnn").device(kind)
    for history in histories():
        short, scores = device.recommend(Query(history), k=K)
        long, more = device.recommend(Query(history), k=V)
        assert np.array_equal(long[:K], short)
        assert np.array_equal(more[: len(short)], scores)
        blocked = np.setdiff1d(ALL, long)[:N]
        one_more = np.union1d(blocked, long[-1:])  # N + 1 items: all are scored
        few, _ = device.recommend(Query(history, blocked=blocked), k=5)
        again, _ = device.recommend(Query(history, blocked=one_more), k=5)
        assert np.array_equal(few, again) or len(long) <= 5


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
