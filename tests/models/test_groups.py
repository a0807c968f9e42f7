"""Groups of features, each with an encoder of its own."""

import numpy as np
import pytest
import torch

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.config.sections import Config
from pocketrec.conversion.convert import convert
from pocketrec.errors import ConfigError
from pocketrec.features.encoding import Bins, Categories, Feature, time_feature
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer

pytestmark = pytest.mark.slow  # it trains or converts

V, L, D = 12, 6, 16
FEATURES = [
    Feature("tags", "event", Categories(tuple("abcdef")), 3),
    time_feature("gap"),
    Feature("age", "user", Bins((20.0, 40.0))),
]
GROUPS = {
    "taste": {"features": ["item_id", "tags"], "encoder": "transformer"},
    "rhythm": {"features": ["gap"], "encoder": "gru"},
}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    config = ModelConfig(groups=GROUPS, dim=D, max_length=L, successors=0)
    made = RecommenderModel(V, config, features=FEATURES).eval()
    torch.nn.init.normal_(made.cold_start)
    return made


def draw_history(length, seed=0):
    random = np.random.default_rng(seed)
    history = random.permutation(V)[:length].astype(np.int32) + 1
    rows = {
        "event_tags": np.sort(random.integers(0, 7, (length, 3)))[:, ::-1].astype(np.int32),
        "event_gap": random.integers(0, 29, (length, 1)).astype(np.int32),
        "user_age": random.integers(1, 4, 1).astype(np.int32),
    }
    return history, rows


def test_the_future_does_not_change_the_past(model):
    history, rows = draw_history(L)
    item_id = torch.from_numpy(history).unsqueeze(0)
    features = {name: torch.from_numpy(values.copy()).unsqueeze(0) for name, values in rows.items()}
    before = model.states(item_id, features)
    item_id[0, 4], features["event_tags"][0, 4], features["event_gap"][0, 4] = 1, 0, 0
    after = model.states(item_id, features)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4], after[:, 4])


@pytest.mark.parametrize("name", ["event_tags", "event_gap", "user_age"])
def test_each_group_is_heard(model, name):
    history, rows = draw_history(4)
    scores = ModelScorer(model)([history], [rows])
    less = {key: values for key, values in rows.items() if key != name}
    assert not np.allclose(ModelScorer(model)([history], [less]), scores, atol=1e-3)
    nothing = rows | {name: np.zeros_like(rows[name])}
    np.testing.assert_array_equal(
        ModelScorer(model)([history], [less]), ModelScorer(model)([history], [nothing])
    )


def test_groups_step_if_each_of_them_does(model):
    assert model.state_width is None  # one of them is a transformer
    groups = GROUPS | {"taste": {"features": ["item_id", "tags"], "encoder": "lstm"}}
    config = ModelConfig(groups=groups, dim=D, max_length=L, successors=0)
    other = RecommenderModel(V, config, features=FEATURES).eval()
    history, rows = draw_history(L)
    item_id = torch.from_numpy(history).unsqueeze(0)
    features = {name: torch.from_numpy(values.copy()).unsqueeze(0) for name, values in rows.items()}
    state = torch.zeros(1, other.state_width)
    for length in range(1, L + 1):
        part = {
            name: values[:, :length] if name.startswith("event") else values
            for name, values in features.items()
        }
        # Only the newest two events; before the first there is none.
        newest = {
            name: torch.nn.functional.pad(values, (0, 0, 1, 0))[:, -2:]
            if values.ndim == 3
            else values
            for name, values in part.items()
        }
        state, user = other.step(state, item_id[:, :length], newest)
        torch.testing.assert_close(user, other.user_vector(item_id[:, :length], part))


def test_the_file_equals_torch(model):
    shapes = Shapes(length=L, dim=D, items=V, results=5, candidates=V, blocked=4)
    spec = GraphSpec(shapes, exclude_seen=True, features=FEATURES)
    device = DeviceModel(convert(model, spec), spec)
    items = np.arange(1, V + 1, dtype=np.int32)
    for length in range(L + 1):
        history, rows = draw_history(length, seed=length)
        expected = ModelScorer(model)([history], [rows])[0]
        np.testing.assert_allclose(
            device.score(Query(history, features=rows), items), expected, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a": {"features": ["item_id", "gap"], "encoder": "bow"}}, "'tags' is in none"),
        ({"a": {"features": ["item_id", "gap", "tags", "x"], "encoder": "bow"}}, "'x' is not in"),
        ({"a": {"features": [], "encoder": "bow"}}, "features"),
        ({"a": {"features": ["item_id"], "encoder": "rnn"}}, "rnn"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    features = {"event": {"tags": "category"}, "time": ["gap"]}
    document = {"data": {"path": "x"}, "features": features, "model": {"groups": groups}}
    with pytest.raises(ConfigError, match=message):
        Config.parse(document, name="t")


def test_an_encoder_beside_groups_is_refused():
    groups = {"a": {"features": ["item_id"], "encoder": "bow"}}
    document = {"data": {"path": "x"}, "model": {"groups": groups, "encoder": "gru"}}
    with pytest.raises(ConfigError, match=r"model.encoder has no effect beside model.groups"):
        Config.parse(document, name="t")
