"""Membership attacks: known answers, a leak that must be found, and none where there is none."""

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pocketrec.config.model import ModelConfig
from pocketrec.errors import DataError
from pocketrec.models.pairs import count_pair_users, fraction_in_lists
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.histories import History, held_out_histories, training_histories
from pocketrec.preparation.targets import Targets
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.privacy.membership import (
    attacks,
    log_probabilities,
    next_events,
    successor_lists,
)
from pocketrec.privacy.reference import Reference
from pocketrec.privacy.separation import separate
from support import small_models
from support.small_shop import succeed

V, USERS, EVENTS = 60, 40, 16
WITHOUT_MODEL = ("length", "popularity", "rest alone")


def compared(of_members, of_strangers, fpr=0.25, samples=200):
    return separate(
        np.array(of_members, float), np.array(of_strangers, float), fpr=fpr, samples=samples, seed=1
    )


@pytest.mark.parametrize(
    ("of_members", "of_strangers", "auc", "tpr", "advantage"),
    [
        ([3, 4], [1, 2], 1, 1, 1),
        ([1, 2], [3, 4], 0, 0, -1),
        ([5, 5, 5], [5, 5, 5], 1 / 2, 0, 0),  # nobody can be accused without everybody
        ([2, 4], [1, 2, 3, 0], (2.5 + 4) / 8, 1 / 2, 1 / 2 - 1 / 4),
        ([1, 1, 9], [0, 0, 0, 9], (3 + 3 + 3.5) / 12, 1, 1 / 3 - 1 / 4),
    ],
)
def test_known_answers(of_members, of_strangers, auc, tpr, advantage):
    separation = compared(of_members, of_strangers)
    assert separation.auc.value == pytest.approx(auc)
    assert separation.tpr.value == pytest.approx(tpr)
    assert separation.advantage.value == pytest.approx(advantage)


def test_no_more_strangers_are_accused_than_allowed():
    of_strangers = np.arange(100)
    assert compared([99.5, 98.5, 97.5], of_strangers, fpr=0.01).tpr.value == pytest.approx(2 / 3)
    assert compared([99.5, 98.5, 97.5], of_strangers, fpr=0.0).tpr.value == pytest.approx(1 / 3)


def test_the_interval_is_of_both_groups():
    random = np.random.default_rng(0)
    few, many = (compared(random.normal(1, 1, n), random.normal(0, 1, n)) for n in (25, 400))
    for separation in (few, many):
        assert separation.auc.low < 0.760 < separation.auc.high  # Phi(1 / sqrt 2)
    width = (few.auc.high - few.auc.low) / (many.auc.high - many.auc.low)
    assert 2.5 < width < 6  # sqrt(16)
    sure = compared(np.tile([0.0, 1.0], 5), np.tile([0.0, 1.0], 500))
    assert sure.auc.low < 0.4  # ten members are few, however many strangers there are


def test_scores_that_cannot_be_compared_are_refused():
    with pytest.raises(DataError, match="both kinds"):
        compared([], [1])
    with pytest.raises(DataError, match="finite"):
        compared([1, np.nan], [1])


def test_events_are_spread_and_know_only_the_past():
    items = np.arange(1, 13, dtype=np.int32)
    rows = {"event": np.arange(11)[:, None], "user": np.array([7])}
    events = next_events(History(items, rows), 3)
    assert events.targets.tolist() == [2, 7, 12]  # the second, a middle one, the last
    for history, features, target in zip(
        events.histories, events.features, events.targets, strict=True
    ):
        assert history.tolist() == list(range(1, target))
        assert features["event"].tolist() == [[n] for n in range(target - 1)]
        assert features["user"].tolist() == [7]
    assert next_events(History(items, {}), 99).targets.tolist() == list(range(2, 13))


@pytest.mark.parametrize("shift", [0, 1000, -1000])
def test_logits_and_log_probabilities_give_the_same(shift):
    logits = np.log([[1, 2, 5]]) + shift
    targets = Targets([np.array([1], np.int32)], np.array([3], np.int32))
    actual = log_probabilities(lambda *_: logits, targets)
    assert actual == pytest.approx(np.log(5 / 8))


def test_the_reference_is_a_probability():
    history = History(np.array([1, 2, 1, 2, 3], np.int32), {})
    reference = Reference.count([history], 4)
    scores = reference([np.array([], np.int32), np.array([1], np.int32), np.array([4], np.int32)])
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)
    assert np.exp(scores[0]) == pytest.approx(np.array([3, 3, 2, 1]) / 9)  # popularity
    assert scores[1].argmax() == 1  # 2 comes after 1
    assert scores[2] == pytest.approx(scores[0])  # 4 was never there


def test_followed_pairs_are_counted():
    lists = np.zeros((5, 2), np.int32)
    lists[1] = 2, 3
    assert fraction_in_lists(np.array([1, 2, 3, 4], np.int32), lists) == pytest.approx(2 / 6)
    far = np.array([1, *[4] * 10, 2], np.int32)  # 2 comes eleven events later
    assert fraction_in_lists(far, lists) == 0


def test_each_user_supports_a_pair_once():
    lists = np.zeros((5, 2), np.int32)
    lists[1] = 2, 3
    lists[4] = 1, 0
    users = [[1, 2, 1, 2], [1, 4, 2], [2, 3, 1]]
    counts = count_pair_users([History(np.array(user, np.int32), {}) for user in users], lists)
    assert counts.tolist() == [[0, 0], [2, 0], [0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_lists_come_out_of_the_file(kind):
    made = small_models.make("bow")
    lists = successor_lists(made.content(kind), small_models.V)
    assert (lists == made.model.successors.ids.numpy()).all()


def histories(random, users):
    lengths = random.integers(EVENTS // 2, EVENTS + 1, users)
    return [History(random.integers(1, V + 1, n).astype(np.int32), {}) for n in lengths]


@cache
def world():
    """Members, strangers and others: all alike, and nothing to be learned but by heart."""
    random = np.random.default_rng(3)
    return tuple(histories(random, users) for users in (USERS, USERS, USERS))


def model_by_heart(steps):
    """A model that knows members and others by heart, and has counted what follows what."""
    torch.manual_seed(1)
    config = ModelConfig(dim=32, max_length=EVENTS, dropout=0.0, item_dropout=0.0, successors=8)
    model = RecommenderModel(V, config)
    seen = [history.items for group in (world()[0], world()[2]) for history in group]
    offsets = np.concatenate([[0], np.cumsum([len(items) for items in seen])])
    model.successors.count(Sequences(np.concatenate(seen), offsets))
    padded = torch.zeros(len(seen), EVENTS, dtype=torch.int32)
    for row, items in enumerate(seen):
        padded[row, : len(items)] = torch.from_numpy(items)
    labels = F.pad(padded[:, 1:], (0, 1)).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        logits = model.logits(model.states(padded)).flatten(0, 1)
        F.cross_entropy(logits, labels.flatten(), ignore_index=0).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def attacked(model):
    of_members, of_strangers, others = world()
    lists = None if model.successors is None else model.successors.ids.numpy()
    scores = attacks(
        ModelScorer(model),
        lists,
        of_members + of_strangers,
        {"rest": others},
        item_count=V,
        events=10,
    )
    return {
        name: separate(values[:USERS], values[USERS:], fpr=0.05, samples=500, seed=1)
        for name, values in scores.items()
    }


def test_what_was_learned_by_heart_is_found():
    separations = attacked(model_by_heart(steps=120))
    for name in ("loss", "loss - rest", "successors", "successors - rest"):
        assert separations[name].auc.low > 0.75, name
    assert separations["loss"].tpr.low > 0.5
    assert separations["loss"].advantage.low > 0.4
    for name in WITHOUT_MODEL:
        assert separations[name].auc.low < 0.5 < separations[name].auc.high, name


def test_nothing_is_found_in_a_model_that_learned_nothing():
    torch.manual_seed(1)
    untrained = RecommenderModel(V, ModelConfig(dim=32, max_length=EVENTS, successors=0))
    separations = attacked(untrained)
    assert set(separations) == {*WITHOUT_MODEL, "loss", "loss - rest"}
    for name, separation in separations.items():
        assert separation.auc.low < 0.5 < separation.auc.high, name


TOML = """\
[data]
path = "events.csv"
user = "user"
item = "item"
time = "time"
exclude_seen = false
repeats = "all"
[split]
kind = "users"
test_fraction = 0.3
[features.event]
channel = "category"
"""


def test_groups_are_those_of_the_split(tmp_path):
    random = np.random.default_rng(0)
    logs = [random.integers(0, 9, 12).tolist() for _ in range(40)]
    rows = [f"{u},{item},{t},c{item}" for u, log in enumerate(logs) for t, item in enumerate(log)]
    text = "\n".join(["user,item,time,channel", *rows])
    (tmp_path / "events.csv").write_text(text, encoding="utf-8")
    (tmp_path / "shop.toml").write_text(TOML, encoding="utf-8")
    succeed("prepare", tmp_path / "shop.toml", "--out", tmp_path / "data")
    data = PreparedData.open(tmp_path / "data")
    ids = [None, *data.catalogue["item"].to_list()]
    (channel,) = data.features
    groups = training_histories(data, [channel]), held_out_histories(data, "test", [channel])
    grouped = [[[ids[item] for item in history.items] for history in group] for group in groups]
    assert all(log in logs for group in grouped for log in group)
    assert not any(log in grouped[1] for log in grouped[0])
    assert 10 < len(grouped[0]) < 40 - len(grouped[1]) < 35  # some tune, and are in neither
    for history in groups[0] + groups[1]:
        for item, row in zip(history.items, history.features[channel.input], strict=False):
            assert row.tolist() == channel.rows(f"c{ids[item]}")
