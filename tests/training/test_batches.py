"""Batches: which events are inputs, which are labels, and that an epoch can be left and resumed."""

from collections import Counter

import numpy as np
import pytest

from pocketrec.errors import DataError
from pocketrec.examples.shards import Sequences
from pocketrec.training.batches import Batches


def make_sequences(lengths):
    """Every event an item of its own, 1 to E, so that an item says whose and which it is."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets)


LENGTHS = [0, 1, 2, 3, 5, 8, 13, 30, 31, 1, 40, 9]
SEQUENCES = make_sequences(LENGTHS)
OWNER = dict(
    zip(range(1, sum(LENGTHS) + 1), np.repeat(range(len(LENGTHS)), LENGTHS).tolist(), strict=True)
)


def make(batch_labels=20, max_length=8, seed=1, sequences=SEQUENCES, **options):
    return Batches(
        sequences, max_length=max_length, batch_labels=batch_labels, seed=seed, **options
    )


def pairs(batch):
    """(input, label) of every trained position."""
    kept = batch.labels != 0
    return list(zip(batch.item_id[kept].tolist(), batch.labels[kept].tolist(), strict=True))


def same(one, other):
    return all(
        a.shape == b.shape and (a == b).all()
        for a, b in (
            (one.item_id, other.item_id),
            (one.labels, other.labels),
            (one.start_labels, other.start_labels),
        )
    )


def test_labels_are_the_inputs_moved_by_one():
    for batch in make().epoch(0):
        assert batch.item_id.shape == batch.labels.shape
        assert batch.item_id.shape[1] <= 8
        assert batch.label_count == (batch.labels != 0).sum()
        assert ((batch.item_id != 0) == (batch.labels != 0)).all()
        for inputs, labels in zip(batch.item_id, batch.labels, strict=True):
            n = int((inputs != 0).sum())
            assert (inputs[:n] != 0).all()  # padded at the end only
            assert (inputs[1:n] == labels[: n - 1]).all()
        for item, label in pairs(batch):
            assert label == item + 1
            assert OWNER[label] == OWNER[item]


def test_each_user_with_a_next_event_is_in_every_epoch_once():
    for epoch in range(3):
        rows = [OWNER[int(row[0])] for batch in make().epoch(epoch) for row in batch.item_id]
        assert sorted(rows) == [u for u, length in enumerate(LENGTHS) if length >= 2]


def test_windows_are_as_long_as_they_can_be():
    for batch in make().epoch(0):
        for row in batch.item_id:
            assert int((row != 0).sum()) == min(8, LENGTHS[OWNER[int(row[0])]] - 1)


def test_every_next_event_is_trained_in_time():
    batches, found = make(), Counter()
    for epoch in range(200):
        for batch in batches.epoch(epoch):
            found.update(pairs(batch))
    assert set(found) == {(i, i + 1) for i in OWNER if OWNER.get(i + 1) == OWNER[i]}


def test_start_labels_are_any_event_of_the_same_user():
    batches, found = make(), set()
    for epoch in range(300):
        for batch in batches.epoch(epoch):
            for row, label in zip(batch.item_id, batch.start_labels.tolist(), strict=True):
                assert OWNER[label] == OWNER[int(row[0])]
                found.add(label)
    assert found == {item for item, user in OWNER.items() if LENGTHS[user] >= 2}


def test_the_same_seed_and_epoch_give_the_same_batches():
    first, second = (list(make().epoch(3)) for _ in range(2))
    assert len(first) > 2
    assert all(map(same, first, second))
    for other in (make().epoch(4), make(seed=2).epoch(3)):
        assert not all(map(same, first, other))


@pytest.mark.parametrize("skip", [0, 1, 2, 99])
def test_skipping_goes_on_exactly(skip):
    rest = list(make().epoch(2, skip=skip))
    every = list(make().epoch(2))[skip:]
    assert len(rest) == len(every)
    assert all(map(same, rest, every))


@pytest.mark.parametrize("batch_labels", [1, 7, 20, 1000])
def test_batches_have_about_as_many_labels_as_asked(batch_labels):
    batches = make(batch_labels, sequences=make_sequences(list(range(2, 60))))
    counts = [batch.label_count for batch in batches.epoch(0)]
    assert sum(counts) == batches.labels_per_epoch == sum(min(8, n - 1) for n in range(2, 60))
    assert all(count < batch_labels + 8 for count in counts)
    assert sum(count > batch_labels - 8 for count in counts) >= len(counts) - 1


@pytest.mark.parametrize("horizon", [2, 3, 10])
def test_a_horizon_gives_labels_further_ahead_but_none_of_other_users(horizon):
    batches, steps = make(horizon=horizon), Counter()
    for epoch in range(100):
        for batch in batches.epoch(epoch):
            for item, label in pairs(batch):
                assert OWNER[label] == OWNER[item]
                assert 1 <= label - item <= horizon
                if LENGTHS[OWNER[item]] >= 30:
                    steps[label - item] += 1
    assert set(steps) == set(range(1, horizon + 1))
    assert steps[2] / steps[1] == pytest.approx(1 / 2, abs=0.15)


@pytest.mark.parametrize("lengths", [[], [0], [1, 1, 0]])
def test_without_any_next_event_there_is_nothing_to_learn(lengths):
    with pytest.raises(DataError, match="two training events"):
        make(sequences=make_sequences(lengths))
