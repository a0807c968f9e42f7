"""Baselines in worlds whose best answer is plain to see."""

import numpy as np
import pytest

from pocketrec.evaluation.baselines import BASELINES, markov, popularity, seq_knn
from pocketrec.evaluation.protocol import rank_all
from pocketrec.preparation.targets import Targets
from pocketrec.preparation.training_sequences import Sequences

A, B, C, D, E, F = range(1, 7)
V = 6


def sequences(*lists):
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return Sequences(np.array([item for events in lists for item in events], np.int32), offsets)


def order(scorer, *history):
    """Items from best to worst for one history."""
    scores = scorer([np.array(history, np.int32)])
    assert scores.shape == (1, V)
    assert scores.dtype == np.float32
    return (np.argsort(-scores[0], kind="stable") + 1).tolist()


def test_popularity_is_the_same_for_everybody():
    scorer = popularity(sequences([C, A], [C, B], [C, A]), V)
    assert order(scorer) == order(scorer, B, D) == [C, A, B, D, E, F]


def test_markov_knows_that_b_follows_a():
    # F is everywhere, yet never right after A.
    scorer = markov(sequences([F, A, B], [F, A, B, F], [F, A, C], [F, D]), V)
    assert order(scorer, D, A)[:2] == [B, C]
    assert order(scorer, A, D)[0] == F  # nothing follows D: popular items first


def test_markov_sees_the_newest_event_only():
    scorer = markov(sequences([A, B], [C, D], [C, D]), V)
    assert order(scorer, C, C, C, A)[0] == B


def test_seq_knn_counts_close_successors_more():
    # After A, B comes at once and C much later; B and C are equally popular.
    worlds = [[A, B, D, E, F, C]] * 5 + [[C, F, D, B]] * 5
    ranked = order(seq_knn(sequences(*worlds), V), A)
    assert ranked.index(B) < ranked.index(C)


def test_seq_knn_lets_newer_items_vote_more():
    scorer = seq_knn(sequences(*[[A, B]] * 4, *[[C, D]] * 4), V)
    assert order(scorer, A, C)[0] == D
    assert order(scorer, C, A)[0] == B
    assert set(order(scorer, C, A)[:2]) == {B, D}  # the older item still votes


def test_seq_knn_does_not_follow_the_crowd():
    # F follows A and everything else; B follows A nearly as often, and nothing else.
    lists = [[A, F]] * 4 + [[A, B]] * 3 + [[item, F] for item in (C, D, E) for _ in range(20)]
    assert order(seq_knn(sequences(*lists), V), A)[0] == B
    assert order(markov(sequences(*lists), V), A)[0] == F


@pytest.mark.parametrize("name", BASELINES)
def test_an_empty_or_unknown_history_gives_popular_items(name):
    scorer = BASELINES[name](sequences([C, A], [C, B], [C, A]), V)
    assert order(scorer)[:3] == order(scorer, 0)[:3] == [C, A, B]
    assert order(scorer, F)[:3] == [C, A, B]  # never seen in training


@pytest.mark.parametrize("name", BASELINES)
def test_no_training_events_still_give_an_answer(name):
    scorer = BASELINES[name](sequences(), V)
    assert order(scorer, A) == [A, B, C, D, E, F]


@pytest.mark.parametrize("name", BASELINES)
def test_a_user_scores_the_same_alone_and_in_a_batch(name):
    generator = np.random.default_rng(0)
    lists = [generator.integers(1, V + 1, size).tolist() for size in (3, 30, 8, 1)]
    scorer = BASELINES[name](sequences(*lists), V)
    histories = [np.array(events, np.int32) for events in lists]
    together = scorer(histories)
    for row, history in zip(together, histories, strict=True):
        assert scorer([history])[0] == pytest.approx(row)


def test_a_cycle_is_predicted_by_what_looks_at_order_and_not_by_popularity():
    item_count, generator = 50, np.random.default_rng(1)
    begins = generator.integers(0, item_count, 200)
    cycles = [((begin + np.arange(12)) % item_count + 1).astype(np.int32) for begin in begins]
    train = sequences(*[cycle[:-1].tolist() for cycle in cycles])
    targets = Targets([c[:-1] for c in cycles], np.array([c[-1] for c in cycles], np.int32))
    hits = {}
    for name, build in BASELINES.items():
        ranking = rank_all(
            build(train, item_count), targets, item_count=item_count, k=1, exclude_seen=True
        )
        hits[name] = (ranking.ranks == 1).mean()
    assert hits["markov"] == hits["seq_knn"] == 1
    assert hits["popularity"] < 0.2
