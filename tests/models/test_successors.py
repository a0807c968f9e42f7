"""Successors: counted from the training events, voting as the formula says, mixed in as a share."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.config.model import ModelConfig
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer, pad_histories
from pocketrec.models.successors import Successors
from pocketrec.preparation.training_sequences import Sequences

V, F = 9, 3
events = st.lists(st.integers(1, V), max_size=30)


def make_sequences(lists):
    items = np.array([item for events in lists for item in events], np.int32)
    return Sequences(items, np.cumsum([0, *map(len, lists)]).astype(np.int64))


def make_successors(lists, share=0.25):
    successors = Successors(V, F, share)
    successors.count(make_sequences(lists))
    return successors


def naive_counts(lists):
    """weight[a][b] = sum over pairs up to 10 events apart of lag^-0.75."""
    weight = {}
    for events in lists:
        for i, a in enumerate(events):
            for lag, b in enumerate(events[i + 1 : i + 11], 1):
                weight[a, b] = weight.get((a, b), 0.0) + lag**-0.75
    return weight


def naive_votes(ids, history):
    """The docstring's formula, item by item."""
    votes = np.zeros(V + 1)
    for ago, item in enumerate(history[::-1][:20], 1):
        for place, successor in enumerate(ids[item].tolist(), 1):
            if successor:
                votes[successor] += 1 / ago / math.sqrt(place)
    return votes / votes.sum() if votes.sum() else votes


@given(st.lists(events, min_size=1, max_size=6))
@settings(max_examples=50)
def test_the_most_frequent_successors_are_kept_in_order(lists):
    weight = naive_counts(lists)
    ids = make_successors(lists).ids
    for a in range(1, V + 1):
        kept = [b for b in ids[a].tolist() if b]
        ranked = sorted((round(w, 5) for (x, _), w in weight.items() if x == a), reverse=True)
        assert [round(weight[a, b], 5) for b in kept] == ranked[:F]
        assert len(set(kept)) == len(kept)
    assert ids[0].tolist() == [0] * F


@given(st.lists(events, min_size=1, max_size=6), st.lists(events, min_size=1, max_size=4))
@settings(max_examples=50)
def test_probabilities_are_mixed_as_the_formula_says(lists, histories):
    successors = make_successors(lists)
    item_id = torch.from_numpy(pad_histories([np.array(h, np.int32) for h in histories], 40))
    logits = torch.randn(len(histories), V + 1, generator=torch.Generator().manual_seed(1))
    lengths = (item_id > 0).sum(-1)
    mixed = successors(logits, item_id, lengths).numpy()
    softmax = torch.softmax(logits, -1).numpy()
    for row, history in enumerate(histories):
        expected = 0.75 * softmax[row] + 0.25 * naive_votes(successors.ids, history)
        np.testing.assert_allclose(mixed[row], expected, rtol=1e-4, atol=1e-7)


def test_an_empty_history_is_ranked_by_the_model_alone():
    successors = make_successors([[1, 2, 3]])
    logits = torch.randn(1, V + 1)
    scores = successors(logits, torch.zeros(1, 5, dtype=torch.int32), torch.zeros(1).int())
    assert torch.equal(scores.argsort(), logits.argsort())


@pytest.mark.parametrize(("items", "dtype"), [(2**15 - 1, torch.int16), (2**15, torch.int32)])
def test_indices_fit_their_type(items, dtype):
    successors = Successors(items, 2, 0.5)
    successors.count(make_sequences_of(items))
    assert successors.ids.dtype == dtype
    assert successors.ids[1].tolist() == [items, 0]


def make_sequences_of(last):
    return Sequences(np.array([1, last], np.int32), np.array([0, 2], np.int64))


def test_a_model_ranks_by_its_successors_what_no_embedding_knows():
    torch.manual_seed(1)
    model = RecommenderModel(V, ModelConfig(dim=4, successor_share=0.9))
    assert model.successors is not None
    model.successors.count(make_sequences([[4, 7], [4, 7], [4, 2], [5, 1]]))
    scores = ModelScorer(model)([np.array([4], np.int32), np.array([5], np.int32)])
    assert (scores.argmax(1) + 1).tolist() == [7, 1]


def test_without_successors_scores_are_logits():
    model = RecommenderModel(V, ModelConfig(dim=4, successors=0)).eval()
    item_id = torch.tensor([[1, 2, 0]], dtype=torch.int32)
    user = model.user_vector(item_id)
    assert torch.equal(model.scores(user, item_id), model.logits(user))
    assert not any("successors" in name for name in model.state_dict())


def test_a_successor_of_few_users_is_none():
    """What one user alone did, however often, is not in the lists; the next ones move up."""
    lists = [[1, 2] * 5, [1, 3], [1, 3], [4, 5]]
    successors = Successors(V, F, 0.25)
    successors.count(make_sequences(lists), min_users=2)
    assert successors.ids[1].tolist() == [3, 0, 0]
    assert not successors.ids[2:].any()
