"""Splits: nothing of a target's future is in its history, and each part has its share."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import DataError
from pocketrec.preparation.split import time_cuts, time_histogram
from support.naive_preparation import chance, pairs, read_world
from support.small_logs import NO_FILTER, make_config, make_events, some_rows


@pytest.mark.parametrize("kind", ["leave-one-out", "users"])
def test_no_history_holds_anything_of_its_targets_future(prepare_log, kind):
    """Items are moments, so an index tells when it happened; each moment has its own item."""
    rows = [(u, t, t) for u in range(30) for t in range(u % 7, 60, 1 + u % 3)]
    config = make_config({"kind": kind}, exclude_seen=False, min_item_events=1, min_item_users=1)
    data = prepare_log(make_events(rows), config)
    raw = np.array([-1, *data.catalogue["item"]])
    seen = 0
    for part in ("valid", "test"):
        for history, target in zip(*pairs(data, part), strict=True):
            if target:
                assert (raw[history] < raw[target]).all()
                seen += len(history)
    assert seen > 50


def test_held_out_users_give_nothing_to_counts_or_training(prepare_log):
    """Every user has an item of his own beside a common one."""
    rows = [(u, item, t) for u in range(200) for t, item in enumerate([-1, u, -1, u, -1])]
    split = {"kind": "users", "test_fraction": 0.2, "valid_fraction": 0.1, "seed": 5}
    config = make_config(split, exclude_seen=False, **NO_FILTER)
    data = prepare_log(make_events(rows), config)
    test = {u for u in range(200) if chance(u, 5) < 0.2}
    valid = {u for u in range(200) if 0.2 <= chance(u, 5) < 0.3}
    assert 20 < len(test) < 60
    assert 5 < len(valid) < 40
    trained = set(data.catalogue["item"]) - {-1}
    assert trained == set(range(200)) - test - valid
    sequences = data.training()
    assert len(sequences.items) == 5 * len(trained) == data.item_counts.sum()
    assert sequences.counts(data.item_count).tolist() == data.item_counts.tolist()
    histories, targets = pairs(data, "test")
    assert len(targets) == len(test)
    assert len(data.targets("valid").targets) == len(valid)
    assert (targets == 1).all()  # the common item, the most frequent one
    assert all((history == 1).all() for history in histories)  # own items are unknown


def test_a_split_by_time_cuts_at_one_moment_for_all(prepare_log):
    rows = some_rows(2000, items=400)
    split = {"kind": "time", "valid_fraction": 0.1, "test_fraction": 0.2}
    config = make_config(split, exclude_seen=False, min_item_events=1, min_item_users=1)
    data = prepare_log(make_events(rows), config)
    frame = pl.concat([pl.read_parquet(f) for f in (data.folder / "shards").iterdir()])
    valid_cut, test_cut = data.manifest.counts.cuts
    for row in frame.iter_rows(named=True):
        times = row["time"]
        assert all(t < valid_cut for t in times[: row["train_length"]])
        assert all(t >= valid_cut for t in times[row["train_length"] :])
        if row["valid_position"] is not None:
            assert valid_cut <= times[row["valid_position"]] < test_cut
        if row["test_position"] is not None:
            assert times[row["test_position"]] >= test_cut
            assert row["test_position"] == len(times) - 1
    kept = [r[2] for r in rows]
    assert sum(t < valid_cut for t in kept) == pytest.approx(0.7 * len(kept), abs=10)
    assert sum(t < test_cut for t in kept) == pytest.approx(0.8 * len(kept), abs=10)


@given(
    st.lists(st.integers(0, 10**13), min_size=5, max_size=60),
    st.sampled_from([(0.1, 0.1), (0.3, 0.2)]),
)
def test_cuts_have_their_shares_to_within_one_step(times, shares):
    split = make_config({"kind": "time", "valid_fraction": shares[0], "test_fraction": shares[1]})
    events = pl.DataFrame({"time": times})
    first, last = min(times), max(times)
    cuts = time_cuts(time_histogram(events, first, last), first, last, split.split)
    step = (last - first) / 10_000 + 1  # longest, rounded up
    for cut, share in zip(cuts, (1 - sum(shares), 1 - shares[1]), strict=True):
        before = [t for t in times if t < cut]
        assert len(before) / len(times) >= share - 1e-9 or cut > last
        without_a_step = [t for t in before if t <= max(before) - step]
        assert len(without_a_step) / len(times) < share + 1e-9


def test_users_with_one_or_two_events_only_train(prepare_log):
    rows = [(1, 10, 0), (2, 10, 0), (2, 11, 1), (3, 10, 0), (3, 11, 1), (3, 12, 2)]
    data = prepare_log(make_events(rows), make_config(**NO_FILTER))
    world = read_world(data)
    assert world.train == {1: [10], 2: [10, 11], 3: [10]}
    assert world.valid == {3: ([10], 11)}
    assert world.test == {3: ([10, 11], None)}  # nobody trained on 12
    assert world.items == [(10, 3), (11, 1)]


def test_a_target_that_training_does_not_know_is_0_and_in_no_history(prepare_log):
    rows = [(u, 1, 0) for u in range(5)] + [(0, 50, 1), (0, 51, 2)]
    data = prepare_log(make_events(rows), make_config(**NO_FILTER))
    (history,), targets = pairs(data, "valid")
    assert (history.tolist(), targets.tolist()) == ([1], [0])
    (history,), targets = pairs(data, "test")
    assert (history.tolist(), targets.tolist()) == ([1], [0])
    assert history.dtype == targets.dtype == np.int32


@pytest.mark.parametrize("kind", ["users", "time"])
def test_a_split_that_leaves_nothing_to_test_is_refused(prepare_log, kind):
    rows = [(u, i, 0) for u in range(3) for i in range(3)]
    split = {"kind": kind, "valid_fraction": 1e-6, "test_fraction": 1e-6}
    with pytest.raises(DataError, match=f"'{kind}' leaves no"):
        prepare_log(make_events(rows), make_config(split, **NO_FILTER))
