"""Reasons are right where the right reason is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.convert import convert
from pocketrec.errors import InputError
from pocketrec.models.recommender import RecommenderModel
from pocketrec.runtime.explain import LOOKED_AT, leave_one_out
from support.small_shop import sku

pytestmark = pytest.mark.slow  # it trains or converts

PAIRS, LENGTH = 8, 4


@pytest.fixture(scope="module")
def pairs():
    """A world in which item n calls for item n + 8, whatever lies between and beside them."""
    torch.manual_seed(1)
    config = ModelConfig(
        encoder="bow", dim=16, max_length=LENGTH, dropout=0.0, item_dropout=0.0, successors=0
    )
    model = RecommenderModel(2 * PAIRS, config)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    random = np.random.default_rng(1)
    for _ in range(400):
        size = int(random.integers(1, LENGTH + 1))
        picks = np.stack([random.permutation(PAIRS)[:size] + 1 for _ in range(32)])
        item_id = torch.from_numpy(np.pad(picks, [(0, 0), (0, LENGTH - size)]).astype(np.int32))
        logits = F.log_softmax(model.logits(model.user_vector(item_id)), -1)
        loss = -logits.gather(1, torch.from_numpy(picks) + PAIRS).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    shapes = Shapes(length=LENGTH, dim=16, items=2 * PAIRS, results=8, candidates=8, blocked=4)
    spec = GraphSpec(shapes, exclude_seen=True)
    return DeviceModel(convert(model, spec), spec)


def test_each_item_is_explained_by_the_one_that_calls_for_it(pairs):
    random = np.random.default_rng(2)
    for _ in range(10):
        history = (random.permutation(PAIRS)[:LENGTH] + 1).astype(np.int32)
        called = history + PAIRS

        def score(places, history=history, called=called):
            return pairs.score(Query(history[list(places)]), called)

        explanations = leave_one_out(score, history.tolist(), most=2)
        assert [reasons[0].id for reasons in explanations] == history.tolist()
        assert all(reasons[0].share > 0.5 for reasons in explanations)


def test_the_newest_order_is_the_reason_for_what_follows_it(recommender):
    """In the shop every product is followed by the next one."""
    history = [sku(2), sku(14), sku(7)]
    (first, *_) = recommender.recommend(history, k=1)
    assert first.id == sku(8)
    (explained,) = recommender.explain(history, [sku(8)])
    assert (explained.id, explained.because[0].id) == (sku(8), sku(7))
    assert explained.to_json()["because"][0]["id"] == sku(7)


def test_shares_are_of_all_that_speaks_for_an_item_and_fall():
    parts = np.array([0.5, -3.0, 0.0, 2.0, 1.5])

    def score(places):
        return np.array([sum(parts[place] for place in places)], np.float32)

    (reasons,) = leave_one_out(score, "abcde", most=3)
    assert [reason.id for reason in reasons] == ["d", "e", "a"]
    assert [round(reason.share, 6) for reason in reasons] == [0.5, 0.375, 0.125]
    (reasons,) = leave_one_out(score, "abcde", most=1)
    assert [reason.share for reason in reasons] == [0.5]


def test_what_rests_on_nothing_has_no_reason(recommender):
    (explained,) = recommender.explain([], [sku(3)])
    assert explained.because == []

    def against(places):
        return np.array([-len(places)], np.float32)

    assert leave_one_out(against, "abc", most=2) == [[]]


def test_only_the_newest_events_are_left_out():
    asked = []

    def score(places):
        asked.append(len(places))
        return np.array([float(sum(places))], np.float32)

    events = list(range(3 * LOOKED_AT))
    (reasons,) = leave_one_out(score, events, most=2)
    assert [reason.id for reason in reasons] == [events[-1], events[-2]]
    assert len(asked) == 1 + LOOKED_AT


def test_unknown_items_cannot_be_explained_and_are_no_reasons(recommender):
    with pytest.raises(InputError, match="sku-none"):
        recommender.explain([sku(7)], ["sku-none"])
    (with_unknown,) = recommender.explain(["sku-none", sku(7)], [sku(8)])
    assert with_unknown == recommender.explain([sku(7)], [sku(8)])[0]


def test_what_cannot_be_asked_is_refused(recommender):
    for most in (0, -1, 1.5, "x", True):
        with pytest.raises(InputError, match="most"):
            recommender.explain([sku(7)], [sku(8)], most=most)
    for items in (sku(8), None, 5):
        with pytest.raises(InputError, match="list of ids"):
            recommender.explain([sku(7)], items)
    for user in (5, ["age"], "x"):
        with pytest.raises(InputError, match="by name"):
            recommender.recommend([sku(7)], user=user)
