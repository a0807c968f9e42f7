"""Rows appended to a file's table are items like any other, and change nothing for the others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pocketrec.bundle.contract import OPERATORS, GraphSpec, Shapes, check_contract
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.convert import convert
from pocketrec.models.recommender import RecommenderModel
from pocketrec.new_items.table import append_rows, read_table
from pocketrec.tflite.inspect import inspect
from support.small_models import ENCODERS, D, L, V, make, walk

pytestmark = pytest.mark.slow  # it trains or converts

ALL = np.arange(1, V + 1, dtype=np.int32)
ADDED = 4

encoders = pytest.mark.parametrize("encoder", ENCODERS)
kinds = pytest.mark.parametrize("kind", ["float32", "int8", "int4"])


def histories():
    return [np.empty(0, np.int32), *(walk(last, length) for last in (1, 9, V) for length in (1, L))]


def extended(made, kind, vectors, times=1):
    content = made.content(kind)
    for _ in range(times):
        content = append_rows(content, vectors)
    shapes = replace(made.spec.shapes, items=V + times * len(vectors))
    return content, DeviceModel(content, replace(made.spec, shapes=shapes))


@encoders
@kinds
@pytest.mark.parametrize("times", [1, 2])
def test_scores_of_old_items_stay(encoder, kind, times):
    made = make(encoder)
    device = made.device(kind)
    random = np.random.default_rng(1)
    vectors = random.normal(size=(ADDED, D)).astype(np.float32)
    _, larger = extended(made, kind, vectors, times)
    for history in histories():
        query = Query(history)
        assert np.abs(device.score(query, ALL) - larger.score(query, ALL)).max() <= 1e-5


@encoders
@kinds
def test_a_copy_of_an_item_is_scored_as_it_is_where_nothing_follows(encoder, kind):
    made = make(encoder)
    table = read_table(made.content(kind))
    _, larger = extended(made, kind, table[1 : ADDED + 1])
    copies = np.arange(V + 1, V + 1 + ADDED, dtype=np.int32)
    # Nobody follows in an empty history, so that the vectors alone decide.
    scores = larger.score(Query(), np.append(ALL[:ADDED], copies))
    np.testing.assert_allclose(scores[:ADDED], scores[ADDED:], atol=1e-5)


@pytest.mark.parametrize("items", [2999, 3000])
def test_catalogues_that_are_looked_through_in_groups_grow_too(items):
    """3,000 rows fill their groups, 3,001, a prime, do not: either is cut anew."""
    torch.manual_seed(1)
    settings = ModelConfig(
        encoder="bow", dim=4, max_length=2, item_dropout=0, dropout=0, successors=0
    )
    model = RecommenderModel(items, settings).eval()
    shapes = Shapes(length=2, dim=4, items=items, results=5, candidates=100, blocked=3)
    spec = GraphSpec(shapes, exclude_seen=True)
    content = convert(model, spec)
    vectors = 2 * np.random.default_rng(1).normal(size=(150, 4)).astype(np.float32)
    for count in (2, 150):
        larger = replace(spec, shapes=replace(shapes, items=items + count))
        grown = append_rows(content, vectors[:count])
        check_contract(inspect(grown), larger, items + count)
        device = DeviceModel(grown, larger)
        everything = np.arange(1, items + count + 1, dtype=np.int32)
        for last in (1, items, items + count):
            history = np.array([7, last], np.int32)
            scores = device.score(Query(history), everything)
            scores[history - 1] = -np.inf
            ids, _ = device.recommend(Query(history), k=5)
            assert ids.tolist() == (np.argsort(-scores, kind="stable")[:5] + 1).tolist()


@encoders
def test_a_new_item_may_be_in_a_history_and_is_not_recommended_again(encoder):
    made = make(encoder)
    _, larger = extended(made, "int8", 3 * read_table(made.content("int8"))[1 : ADDED + 1])
    new = np.array([V + ADDED], np.int32)
    ids, scores = larger.recommend(Query(new), k=12)
    assert V + ADDED not in ids
    assert np.isfinite(scores).all()
    assert not np.array_equal(scores, larger.recommend(Query(), k=12)[1])
    blocked = np.arange(V + 1, V + ADDED, dtype=np.int32)
    assert (larger.recommend(Query(new, blocked=blocked), k=12)[0] <= V).all()


@kinds
def test_the_file_keeps_the_contract_and_grows_by_its_rows(kind):
    made = make("transformer")
    content, device = extended(made, kind, np.ones((ADDED, D), np.float32))
    facts = inspect(content)
    check_contract(facts, device.spec, V + ADDED)
    assert set(facts.operators) <= OPERATORS
    of_numbers = {"float32": 4, "int8": 1, "int4": 0.5}[kind] * D * ADDED
    assert len(content) - len(made.content(kind)) < of_numbers + ADDED * (16 + 12) + 3000


@kinds
def test_a_table_is_read_as_it_was_appended(kind):
    random = np.random.default_rng(1)
    vectors = random.normal(size=(ADDED, D)).astype(np.float32)
    content, _ = extended(make("bow"), kind, vectors)
    error = np.abs(read_table(content)[V + 1 :] - vectors).max()
    assert error <= {"float32": 0, "int8": 0.6 / 127, "int4": 0.6 / 7}[kind] * np.abs(vectors).max()


def test_the_table_is_the_models_own():
    made = make("bow")
    expected = made.model.table.detach().numpy()
    assert np.array_equal(read_table(made.content("float32")), expected)
