"""Batches: which events are inputs, which are labels, and that an epoch can be left and resumed."""

from collections import Counter

import numpy as np
import pytest

from pocketrec.errors import DataError
from pocketrec.preparation.training_sequences import Sequences
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


def test_every_event_but_the_first_is_a_label_once_an_epoch():
    for epoch in range(20):
        trained = sorted(pair for batch in make().epoch(epoch) for pair in pairs(batch))
        assert trained == [(i, i + 1) for i in OWNER if OWNER.get(i + 1) == OWNER[i]]


def test_histories_that_fit_are_not_cut_and_long_ones_not_more_than_needed():
    for epoch in range(20):
        windows = Counter(OWNER[int(r[0])] for batch in make().epoch(epoch) for r in batch.item_id)
        for user, length in enumerate(LENGTHS):
            most = 0 if length < 2 else 1 if length <= 9 else 2 + (length - 2) // 8
            assert (length >= 2) <= windows[user] <= most


def test_in_time_every_label_is_met_at_every_distance_from_the_cut():
    """The user with 40 events: his 21st is the 1st to 8th label of a window."""
    last, places = sum(LENGTHS[:11]), set()
    for epoch in range(200):
        for batch in make().epoch(epoch):
            places.update((batch.labels == last - 19).nonzero()[:, 1].tolist())
    assert places == set(range(8))


def test_start_labels_are_any_event_of_the_same_user():
    batches, labels = make(), set()
    for epoch in range(300):
        for batch in batches.epoch(epoch):
            for row, label in zip(batch.item_id, batch.start_labels.tolist(), strict=True):
                assert OWNER[label] == OWNER[int(row[0])]
                labels.add(label)
    assert labels == {item for item, user in OWNER.items() if LENGTHS[user] >= 2}


def test_the_same_seed_and_epoch_give_the_same_batches():
    first, second = (list(make().epoch(3)) for _ in range(2))
    assert len(first) > 2
    assert all(map(same, first, second))
    for other in (list(make().epoch(4)), list(make(seed=2).epoch(3))):
        inputs = [[batch.item_id.tolist() for batch in batches] for batches in (first, other)]
        assert inputs[0] != inputs[1]


@pytest.mark.parametrize("skip", [0, 1, 2, 99])
def test_skipping_goes_on_exactly(skip):
    rest = list(make().epoch(2).after(skip))
    every = list(make().epoch(2))[skip:]
    assert len(rest) == len(every)
    assert all(map(same, rest, every))


@pytest.mark.parametrize("batch_labels", [1, 7, 20, 1000])
def test_batches_have_about_as_many_labels_as_asked(batch_labels):
    batches = make(batch_labels, sequences=make_sequences(list(range(2, 60))))
    counts = [batch.label_count for batch in batches.epoch(0)]
    assert sum(counts) == batches.labels_per_epoch == sum(range(1, 59))
    assert all(count < batch_labels + 8 for count in counts)
    assert sum(count > batch_labels - 8 for count in counts) >= len(counts) - 1


@pytest.mark.parametrize("lengths", [[], [0], [1, 1, 0]])
def test_without_any_next_event_there_is_nothing_to_learn(lengths):
    with pytest.raises(DataError, match="two training events"):
        make(sequences=make_sequences(lengths))
