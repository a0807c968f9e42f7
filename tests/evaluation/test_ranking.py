"""Ranks and lists against a naive implementation, and in worlds small enough to see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.errors import DataError
from pocketrec.evaluation.protocol import rank_all, rank_scores
from pocketrec.examples.targets import Targets


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
@settings(deadline=None)
def test_rank_and_list_equal_the_naive_ones(world, k, exclude_seen):
    scores, histories, targets = world
    ranks, top = rank_scores(scores, histories, targets, k, exclude_seen)
    assert ranks.dtype == np.int64
    assert top.dtype == np.int32
    for user, (history, target) in enumerate(zip(histories, targets, strict=True)):
        rank, shown = naive(scores[user], history.tolist(), target, k, exclude_seen)
        assert ranks[user] == rank
        assert top[user].tolist() == shown


@given(worlds(), st.booleans(), st.integers(1, 4))
@settings(deadline=None)
def test_batches_do_not_change_the_ranking(world, exclude_seen, batch):
    scores, histories, targets = world
    rows = iter(scores)
    done = []
    ranking = rank_all(
        lambda part, _: np.stack([next(rows) for _ in part]),
        Targets(histories, targets),
        item_count=scores.shape[1],
        k=3,
        exclude_seen=exclude_seen,
        batch=batch,
        progress=done.append,
    )
    ranks, top = rank_scores(scores, histories, targets, 3, exclude_seen)
    assert (ranking.ranks == ranks).all()
    assert (ranking.top == top).all()
    assert ranking.lengths.tolist() == [len(history) for history in histories]
    assert sum(done) == len(targets)


def test_a_constant_scorer_gets_no_credit_for_ties():
    scores = np.zeros((1, 100), np.float32)
    ranks, _ = rank_scores(scores, [array()], array(100), 10, exclude_seen=True)
    assert ranks.tolist() == [100]
    everyone = np.arange(1, 101, dtype=np.int32)
    ranks, _ = rank_scores(np.zeros((100, 100)), [array()] * 100, everyone, 10, exclude_seen=True)
    assert (ranks <= 10).mean() == pytest.approx(0.1)  # as good as chance, no better


def test_an_unknown_target_is_a_miss_however_long_the_list():
    ranks, top = rank_scores(np.ones((1, 3)), [array()], array(0), 10, exclude_seen=True)
    assert ranks.tolist() == [4]
    assert top.tolist() == [[1, 2, 3, 0, 0, 0, 0, 0, 0, 0]]


def test_seen_items_make_way_and_are_never_shown():
    scores = np.array([[9.0, 8.0, 7.0, 6.0]])
    history = [array(1, 1, 3)]
    ranks, top = rank_scores(scores, history, array(4), 4, exclude_seen=True)
    assert ranks.tolist() == [2]
    assert top.tolist() == [[2, 4, 0, 0]]
    ranks, top = rank_scores(scores, history, array(4), 4, exclude_seen=False)
    assert ranks.tolist() == [4]
    assert top.tolist() == [[1, 2, 3, 4]]


def test_a_target_that_was_seen_is_a_miss():
    scores = np.array([[9.0, 1.0]])
    ranks, _ = rank_scores(scores, [array(1)], array(1), 1, exclude_seen=True)
    assert ranks.tolist() == [3]
    ranks, _ = rank_scores(scores, [array(1)], array(1), 1, exclude_seen=False)
    assert ranks.tolist() == [1]


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="NaN"):
        rank_scores(np.array([[1.0, np.nan]]), [array()], array(1), 1, exclude_seen=True)


@pytest.mark.parametrize(("history", "target"), [([5], 1), ([-1], 1), ([1], 5), ([1], -2)])
def test_items_outside_of_the_catalogue_are_refused(history, target):
    with pytest.raises(DataError, match="1 to 4"):
        rank_scores(np.zeros((1, 4)), [array(*history)], array(target), 1, exclude_seen=True)


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
