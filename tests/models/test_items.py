"""Attributes are summed into the item table, learned, and folded away for the device."""

import numpy as np
import polars as pl
import pytest
import torch

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.conversion.convert import convert
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.attributes import read_attributes
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.training.batches import Batches
from pocketrec.training.step import make_optimizer, train_step

pytestmark = pytest.mark.slow  # it trains or converts

V, USERS = 300, 16
CATALOGUE = pl.DataFrame(
    {
        "index": range(1, V + 1),
        "genre": [["even" if item % 2 == 0 else "odd"] for item in range(1, V + 1)],
        "year": [1980 + item for item in range(1, V + 1)],
    }
)


def attributes():
    return read_attributes(CATALOGUE, {"genre": "category", "year": "number"})


def make_model(*, with_attributes):
    torch.manual_seed(1)
    config = ModelConfig(encoder="bow", dim=16, max_length=6, successors=0)
    return RecommenderModel(V, config, attributes() if with_attributes else None)


def walk(random, kind, length):
    """Items of one kind, even (0) or odd (1), in any order."""
    return random.permutation(np.arange(2 - kind, V + 1, 2))[:length].astype(np.int32)


def make_sequences():
    """Users who only ever like even items, or only odd ones; few items by more than one."""
    random = np.random.default_rng(1)
    lists = [walk(random, user % 2, 12) for user in range(USERS)]
    return Sequences(np.concatenate(lists), np.arange(0, USERS * 12 + 1, 12))


def train(model):
    config = TrainingConfig(learning_rate=0.01)
    optimizer = make_optimizer(model, config)
    batches = Batches(make_sequences(), max_length=6, batch_labels=128, seed=1)
    model.train()
    for epoch in range(15):
        for batch in batches.epoch(epoch):
            train_step(model, optimizer, batch, config.gradient_clip)
    return model.eval()


def test_an_item_is_its_own_row_and_those_of_its_values():
    model, made = make_model(with_attributes=True), attributes()
    own, values = model.items.table.weight, model.items.value_table
    for item in (0, 1, 7, V):
        expected = own[item].clone()
        for row, weight in zip(made.rows[item], made.weights[item], strict=True):
            expected += float(weight) * values[row]
        torch.testing.assert_close(model.table[item], expected)
    assert (model.table[0] == 0).all()


def test_without_attributes_the_table_is_the_items_own():
    model = make_model(with_attributes=False)
    assert model.table is model.items.table.weight


def test_items_that_few_touched_are_known_by_what_they_are():
    random = np.random.default_rng(2)
    strangers = [walk(random, user % 2, 6) for user in range(40)]

    def right(model):
        """Share of the ten best items that are of the kind that a stranger likes."""
        best = ModelScorer(model)(strangers).argsort(axis=1)[:, -10:] + 1
        return float(np.mean([best[user] % 2 == user % 2 for user in range(40)]))

    plain, rich = (
        right(train(make_model(with_attributes=with_attributes)))
        for with_attributes in (False, True)
    )
    assert rich > 0.95
    assert plain < 0.85


def test_the_device_gets_one_plain_table_and_the_same_scores():
    model = train(make_model(with_attributes=True))
    folded = model.folded()
    assert {name for name, _ in folded.named_parameters()} == {
        name for name, _ in model.named_parameters() if name != "items.value_table"
    }
    shapes = Shapes(length=6, dim=16, items=V, results=5, candidates=V, blocked=3)
    spec = GraphSpec(shapes, exclude_seen=True)
    device = DeviceModel(convert(folded, spec), spec)
    everything = np.arange(1, V + 1, dtype=np.int32)
    for history in ([], [3], [2, 4, 40], list(range(1, 12))):
        expected = ModelScorer(model)([np.array(history, np.int32)])[0]
        scores = device.score(Query(np.array(history, np.int32)), everything)
        assert np.abs(scores - expected).max() <= 1e-4 * expected.std()


def test_values_do_not_decay():
    groups = make_optimizer(make_model(with_attributes=True), TrainingConfig()).param_groups
    values = [p for group in groups if group["weight_decay"] for p in group["params"]]
    assert not any(p.shape[0] == attributes().table_rows for p in values)


@pytest.mark.parametrize("part", ["table", "value_table"])
def test_both_parts_learn(part):
    before = make_model(with_attributes=True).items.get_parameter(
        "table.weight" if part == "table" else part
    )
    model = train(make_model(with_attributes=True))
    after = model.items.get_parameter("table.weight" if part == "table" else part)
    assert (before - after).abs().max() > 0.01
