"""What every exported file computes, whatever its encoder: the same as torch."""

import numpy as np
import torch

from pocketrec.bundle.contract import OPERATORS
from pocketrec.bundle.query import Query
from pocketrec.config.sections import Config
from pocketrec.conversion.dry_run import convert_encoder
from pocketrec.models.scorer import pad_histories
from pocketrec.schema import Signature
from pocketrec.tflite.inspect import TensorSpec, inspect
from pocketrec.tflite.parsed import each_operator, stored
from pocketrec.tflite.serialize import parse
from support.small_models import (
    ALL,
    STEPPING,
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
    successor,
    walk,
)


@encoders
def test_the_float_file_equals_torch(encoder):
    made = make(encoder)
    device, scorer = made.device("float32"), made.scorer()
    for history in histories():
        expected = scorer([history])[0]
        actual = device.score(Query(history), ALL)
        assert np.abs(actual - expected).max() <= 1e-4 * expected.std(), len(history)


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
    config = Config.parse({"data": {"path": "x"}, "model": model}, name="test")
    tried = {*inspect(convert_encoder(config, ())).operators}
    assert {*inspect(made.content("int8")).operators} <= tried | {
        *inspect(make("bow").content("int8")).operators
    }


@encoders
@kinds
def test_signatures_are_those_of_the_design(encoder, kind):
    signatures = inspect(make(encoder).content(kind)).signatures
    history = {
        "item_id": TensorSpec("int32", (1, L)),
        "user_vector": TensorSpec("float32", (1, D)),
    }
    assert signatures["recommend"].inputs == history | {"blocked": TensorSpec("int32", (1, N))}
    assert signatures["recommend"].outputs == {
        "ids": TensorSpec("int32", (1, K)),
        "scores": TensorSpec("float32", (1, K)),
    }
    assert signatures["score"].inputs == history | {"candidates": TensorSpec("int32", (1, C))}
    assert signatures["score"].outputs == {"scores": TensorSpec("float32", (1, C))}
    assert signatures["adapt"].inputs == {
        "user_vector": TensorSpec("float32", (1, D)),
        "candidates": TensorSpec("int32", (1, C)),
        "target": TensorSpec("float32", (1, C)),
        "learning_rate": TensorSpec("float32", (1, 1)),
    }
    assert signatures["adapt"].outputs == {"user_vector": TensorSpec("float32", (1, D))}
    named = {Signature.RECOMMEND, Signature.SCORE, Signature.ADAPT}
    if encoder not in STEPPING:
        assert set(signatures) == named
        return
    assert set(signatures) == {*named, Signature.STEP}
    state = {"state": TensorSpec("float32", (1, make(encoder).model.state_width))}
    assert signatures["step"].inputs == signatures["recommend"].inputs | state
    assert signatures["step"].outputs == signatures["recommend"].outputs | state


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
    actual = device.score(Query(history, user_vector=vector), ALL)
    assert not np.array_equal(np.argsort(expected), np.argsort(plain))
    np.testing.assert_allclose(actual, expected, atol=1e-4 * expected.std())
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
    """The operators that read constants with a row per item, in the graph of a signature."""
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
    return {name for name, operator in each_operator(model, graph) if tables & set(operator.inputs)}


@kinds
def test_without_successors_score_looks_up_rows_and_reads_no_whole_table(kind):
    few = {"EMBEDDING_LOOKUP"} if kind != "pq" else {"GATHER"}
    content = make("bow", successors=0).content(kind)
    assert readers(content, "score") == few
    assert readers(content, "recommend") > few


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
