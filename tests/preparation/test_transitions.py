"""Sparse transitions equal dense ones counted pair by pair, in any block size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import DataError
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.preparation.transitions import count_transitions, sum_votes

V = 6


def sequences(*lists):
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return Sequences(np.array([item for events in lists for item in events], np.int32), offsets)


def dense(transitions):
    """(V + 1, V + 1) weights by item index."""
    table = transitions.toarray()
    assert np.count_nonzero(table) == transitions.nnz  # no pair is stored twice
    return table


LISTS = st.lists(st.lists(st.integers(0, V), max_size=8), max_size=5)


@given(LISTS, st.integers(1, 4), st.sampled_from([1, 5, 10**6]), st.integers(1, 3))
def test_pairs_are_counted_within_users_only(lists, lags, block, min_users):
    lag_weights = np.array([1.0, 0.5, 0.25, 0.125])[:lags]
    source_scale, target_scale = np.arange(1.0, V + 1), 1 / np.arange(1.0, V + 1)
    expected = np.zeros((V + 1, V + 1))
    made_by = [[set() for _ in range(V + 1)] for _ in range(V + 1)]
    for user, events in enumerate(lists):
        for place, source in enumerate(events):
            for lag, target in enumerate(events[place + 1 : place + 1 + lags]):
                if source and target:
                    expected[source, target] += lag_weights[lag] * source / target
                    made_by[source][target].add(user)
    expected *= [[len(users) >= min_users for users in row] for row in made_by]
    counted = count_transitions(
        sequences(*lists),
        V,
        lag_weights,
        source_scale,
        target_scale,
        min_users=min_users,
        block_pairs=block,
    )
    assert dense(counted) == pytest.approx(expected)


@pytest.mark.parametrize("unused", [0, 1000])  # items
@given(LISTS, LISTS)
def test_following_sums_the_newest_rows(unused, lists, histories):
    counted = count_transitions(sequences(*lists), V + unused, np.ones(2))
    table, strengths = dense(counted)[:, : V + 1], np.array([1.0, 0.5, 0.25])
    arrays = [np.array(history, np.int32) for history in histories]
    scores = sum_votes(counted, arrays, strengths).toarray()
    assert scores.shape == (len(histories), V + unused)
    assert not scores[:, V:].any()
    for row, history in zip(scores, histories, strict=True):
        newest = zip(history[::-1], strengths, strict=False)
        expected = sum((table[item] * strength for item, strength in newest), np.zeros(V + 1))
        assert row[:V] == pytest.approx(expected[1:])


def test_only_the_heaviest_neighbours_are_kept():
    events = sequences([1, 3], [1, 3], [1, 5], [1, 5], [1, 2], [4, 6])
    counted = count_transitions(events, V, np.ones(1), neighbours=1)
    table = dense(counted)
    assert np.argwhere(table).tolist() == [[1, 3], [4, 6]]  # 3 and 5 tie: the lower index
    assert table[1, 3] == 2
    two = dense(count_transitions(events, V, np.ones(1), neighbours=2))
    assert np.argwhere(two).tolist() == [[1, 3], [1, 5], [4, 6]]


def test_counts_leave_out_what_is_not_in_the_catalogue():
    assert sequences([1, 0, 1], [6]).counts(V).tolist() == [2, 0, 0, 0, 0, 1]


def test_items_beyond_the_catalogue_are_refused():
    with pytest.raises(DataError, match="1 to 6"):
        count_transitions(sequences([1, 7]), V, np.ones(1))


@pytest.mark.parametrize("offsets", [[], [0, 1], [1, 2], [0, 2, 1, 2]])
def test_offsets_must_cover_the_events(offsets):
    with pytest.raises(DataError, match="offsets"):
        Sequences(np.array([1, 2], np.int32), np.array(offsets, np.int64))
