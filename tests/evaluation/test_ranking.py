"""Ranks and lists against a naive implementation, and in worlds small enough to see."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.config.model import ModelConfig
from pocketrec.errors import DataError
from pocketrec.evaluation.protocol import rank_all
from pocketrec.evaluation.ranking import DenseScores, rank_scores
from pocketrec.models.products import Cells, Products
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.targets import Targets


def array(*items):
    return np.array(items, np.int32)


def naive(scores, history, target, k, exclude_seen):
    """Sort the items that may be shown, and look the target up."""
    shown = [
        item
        for item in range(1, len(scores) + 1)
        if scores[item - 1] > -np.inf and not (exclude_seen and item in history)
    ]
    shown.sort(key=lambda item: (-scores[item - 1], item))
    rank = shown.index(target) + 1 if target in shown else len(scores) + 1
    return rank, (shown + [0] * k)[:k]


@st.composite
def worlds(draw):
    item_count = draw(st.integers(1, 9))
    users = draw(st.integers(1, 5))
    score = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf])  # few values: many ties
    scores = draw(
        st.lists(
            st.lists(score, min_size=item_count, max_size=item_count),
            min_size=users,
            max_size=users,
        )
    )
    items = st.integers(0, item_count)
    histories = draw(st.lists(st.lists(items, max_size=6), min_size=users, max_size=users))
    targets = draw(st.lists(items, min_size=users, max_size=users))
    return np.array(scores, np.float32), [array(*h) for h in histories], array(*targets)


@given(worlds(), st.integers(1, 12), st.booleans())
def test_rank_and_list_equal_the_naive_ones(world, k, exclude_seen):
    scores, histories, targets = world
    ranks, top = rank_scores(DenseScores(scores), histories, targets, k, exclude_seen)
    assert ranks.dtype == np.int64
    assert top.dtype == np.int32
    for user, (history, target) in enumerate(zip(histories, targets, strict=True)):
        rank, shown = naive(scores[user], history.tolist(), target, k, exclude_seen)
        assert ranks[user] == rank
        assert top[user].tolist() == shown


@given(worlds(), st.booleans(), st.integers(1, 4))
def test_batches_do_not_change_the_ranking(world, exclude_seen, batch):
    scores, histories, targets = world
    of_history = {id(history): row for history, row in zip(histories, scores, strict=True)}
    done = []
    ranking = rank_all(
        lambda part, _: np.stack([of_history[id(history)] for history in part]),
        Targets(histories, targets),
        item_count=scores.shape[1],
        k=3,
        exclude_seen=exclude_seen,
        batch=batch,
        progress=done.append,
    )
    ranks, top = rank_scores(DenseScores(scores), histories, targets, 3, exclude_seen)
    assert (ranking.ranks == ranks).all()
    assert (ranking.top == top).all()
    assert ranking.lengths.tolist() == [len(history) for history in histories]
    assert sum(done) == len(targets)


def test_a_constant_scorer_gets_no_credit_for_ties():
    scores = np.zeros((1, 100), np.float32)
    ranks, _ = rank_scores(DenseScores(scores), [array()], array(100), 10, exclude_seen=True)
    assert ranks.tolist() == [100]
    everyone = np.arange(1, 101, dtype=np.int32)
    ranks, _ = rank_scores(
        DenseScores(np.zeros((100, 100))), [array()] * 100, everyone, 10, exclude_seen=True
    )
    assert (ranks <= 10).mean() == pytest.approx(0.1)  # as good as chance, no better


def test_an_unknown_target_is_a_miss_however_long_the_list():
    ranks, top = rank_scores(
        DenseScores(np.ones((1, 3))), [array()], array(0), 10, exclude_seen=True
    )
    assert ranks.tolist() == [4]
    assert top.tolist() == [[1, 2, 3, 0, 0, 0, 0, 0, 0, 0]]


def test_seen_items_make_way_and_are_never_shown():
    scores = np.array([[9.0, 8.0, 7.0, 6.0]])
    history = [array(1, 1, 3)]
    ranks, top = rank_scores(DenseScores(scores), history, array(4), 4, exclude_seen=True)
    assert ranks.tolist() == [2]
    assert top.tolist() == [[2, 4, 0, 0]]
    ranks, top = rank_scores(DenseScores(scores), history, array(4), 4, exclude_seen=False)
    assert ranks.tolist() == [4]
    assert top.tolist() == [[1, 2, 3, 4]]


def test_a_target_that_was_seen_is_a_miss():
    scores = np.array([[9.0, 1.0]])
    ranks, _ = rank_scores(DenseScores(scores), [array(1)], array(1), 1, exclude_seen=True)
    assert ranks.tolist() == [3]
    ranks, _ = rank_scores(DenseScores(scores), [array(1)], array(1), 1, exclude_seen=False)
    assert ranks.tolist() == [1]


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="NaN"):
        rank_scores(
            DenseScores(np.array([[1.0, np.nan]])), [array()], array(1), 1, exclude_seen=True
        )


@pytest.mark.parametrize(("history", "target"), [([5], 1), ([-1], 1), ([1], 5), ([1], -2)])
def test_items_outside_of_the_catalogue_are_refused(history, target):
    with pytest.raises(DataError, match="1 to 4"):
        rank_scores(
            DenseScores(np.zeros((1, 4))), [array(*history)], array(target), 1, exclude_seen=True
        )


def test_a_scorer_of_another_catalogue_is_refused():
    with pytest.raises(DataError, match="another catalogue"):
        rank_all(
            lambda part, _: np.zeros((len(part), 5), np.float32),
            Targets([array(1)], array(2)),
            item_count=4,
            k=1,
            exclude_seen=True,
        )


def test_targets_are_one_a_history():
    with pytest.raises(ValueError, match="2 histories, 1 targets"):
        Targets([array(1), array(2)], array(1))


@given(worlds(), st.integers(1, 12), st.booleans(), st.integers(1, 30))
def test_blocks_do_not_change_the_ranking(world, k, exclude_seen, block):
    """Down to blocks of one item; ties lie in one block and across them."""
    scores, histories, targets = world
    ranks, top = rank_scores(
        DenseScores(scores), histories, targets, k, exclude_seen, block_scores=block
    )
    for user, (history, target) in enumerate(zip(histories, targets, strict=True)):
        rank, shown = naive(scores[user], history.tolist(), target, k, exclude_seen)
        assert ranks[user] == rank
        assert top[user].tolist() == shown


@pytest.mark.parametrize("exclude_seen", [False, True])
def test_products_rank_as_a_full_sort_of_their_scores(exclude_seen):
    """DenseScores numbers, so that products are exact, few different ones and many ties."""
    random = np.random.default_rng(3)
    users, item_count, k = 23, 500, 20
    factors = [random.integers(-2, 3, (size, 4)) for size in (users, item_count)]
    cell_of = random.permutation(users * item_count)[:800]
    cells = cell_of // item_count, cell_of % item_count, random.integers(-20, 20, 800)
    scores = (factors[0] @ factors[1].T).astype(np.float32)
    scores[cells[0], cells[1]] = cells[2]
    products = Products(
        *(torch.tensor(part, dtype=torch.float32) for part in factors),
        Cells.of(*map(torch.tensor, cells[:2]), torch.tensor(cells[2], dtype=torch.float32)),
    )
    histories = [array(*random.integers(1, item_count + 1, 30)) for _ in range(users)]
    targets = random.integers(1, item_count + 1, users).astype(np.int32)
    for block in (users, 64 * users, 10**6):
        ranks, top = rank_scores(products, histories, targets, k, exclude_seen, block_scores=block)
        for user, (history, target) in enumerate(zip(histories, targets, strict=True)):
            expected = naive(scores[user], history.tolist(), target, k, exclude_seen)
            assert (ranks[user], top[user].tolist()) == expected


@pytest.mark.parametrize("successors", [0, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_a_models_products_are_its_scores(successors, temperature):
    """Log-probabilities but for what is the same for all items of a user."""
    torch.manual_seed(0)
    item_count, users, random = 300, 40, np.random.default_rng(0)
    config = ModelConfig(
        encoder="bow", dim=16, max_length=9, successors=successors, temperature=temperature
    )
    model = RecommenderModel(item_count, config)
    if model.successors is not None:
        model.successors.ids[1:] = torch.randint(0, item_count + 1, (item_count, successors))
    scorer = ModelScorer(model, block_items=70)
    histories = [array(*random.integers(1, item_count + 1, user % 12)) for user in range(users)]
    products = scorer.products(histories)
    assert (products.cells is None) == (successors == 0)
    difference = products.block(0, item_count).numpy() - scorer(histories)
    assert np.ptp(difference, axis=1).max() < 1e-5
    if successors == 0:
        assert np.abs(difference).max() < 1e-5


def test_a_scorer_is_asked_for_products_if_it_has_them():
    class Both:
        def __call__(self, histories, features=None):
            raise AssertionError

        def products(self, histories, features=None):
            return Products(torch.ones(len(histories), 1), torch.tensor([[1.0], [3.0], [2.0]]))

    targets = Targets([array()] * 5, array(1, 2, 3, 2, 0))
    ranking = rank_all(Both(), targets, item_count=3, k=2, exclude_seen=True, batch=2)
    assert ranking.ranks.tolist() == [3, 1, 2, 1, 4]
    assert ranking.top.tolist() == [[2, 3]] * 5
