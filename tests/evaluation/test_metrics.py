"""Metrics of known ranks and lists, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.evaluation.metrics import (
    average_popularity,
    coverage,
    mean_rank,
    mrr,
    ndcg,
    recall,
    resampled_coverage,
)

RANKS = np.array([1, 2, 3, 7])


def test_recall_counts_targets_in_the_list():
    assert recall(RANKS, 2).tolist() == [1, 1, 0, 0]


def test_ndcg_halves_at_rank_three():
    assert ndcg(RANKS, 3) == pytest.approx([1, 0.63093, 0.5, 0], abs=1e-5)
    assert ndcg(RANKS, 10)[3] == pytest.approx(1 / 3)  # log2(8) = 3


def test_mrr_is_one_over_the_rank():
    assert mrr(RANKS, 3) == pytest.approx([1, 0.5, 1 / 3, 0])


def test_mean_rank_looks_below_the_list():
    assert mean_rank(RANKS).mean() == pytest.approx(13 / 4)


def test_coverage_counts_each_item_once_and_no_padding():
    top = np.array([[1, 2], [2, 0], [1, 2]], np.int32)
    assert coverage(top, 8) == pytest.approx(2 / 8)
    assert coverage(np.zeros((0, 3), np.int32), 8) == 0


def test_average_popularity_is_of_what_was_shown():
    counts = np.array([100, 10, 1])
    top = np.array([[1, 2], [3, 0], [0, 0]], np.int32)
    assert average_popularity(top, counts).tolist() == [55, 1, 0]


@given(st.lists(st.integers(1, 60), min_size=1), st.integers(1, 50))
def test_metrics_are_bounded_and_grow_with_k(ranks, k):
    ranks = np.array(ranks)
    for metric in (recall, ndcg, mrr):
        shorter, longer = metric(ranks, k), metric(ranks, k + 1)
        assert (shorter >= 0).all()
        assert (longer <= 1).all()
        assert (shorter <= longer).all()
    assert (mrr(ranks, k) <= ndcg(ranks, k)).all()
    assert (ndcg(ranks, k) <= recall(ranks, k)).all()


@given(st.data())
def test_resampled_coverage_is_the_union_over_the_drawn_users(data):
    users, item_count = data.draw(st.integers(1, 60)), 12
    seed = data.draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    # Skewed: low items are in the lists of nearly everybody, high ones of nobody or one user.
    top = np.minimum(generator.geometric(0.4, (users, 3)), item_count).astype(np.int32)
    top[generator.random(top.shape) < 0.2] = 0
    weights = generator.multinomial(users, np.full(users, 1 / users), 7).astype(float)
    naive = [coverage(top[row > 0], item_count) for row in weights]
    assert resampled_coverage(top, item_count)(weights) == pytest.approx(naive)


def test_nobody_shown_anything_covers_nothing():
    shares = resampled_coverage(np.zeros((2, 3), np.int32), 5)(np.ones((4, 2)))
    assert shares.tolist() == [0, 0, 0, 0]
