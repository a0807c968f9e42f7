"""Prepared data, opened: limits, and files that nobody wrote."""

import shutil

import numpy as np
import polars as pl
import pytest

from pocketrec.errors import ArtifactError, DataError
from pocketrec.preparation.data import Part, PreparedData
from pocketrec.preparation.stored_sequences import StoredSequences
from pocketrec.preparation.training_sequences import Sequences
from support.small_logs import make_config, make_events, some_rows


@pytest.fixture(scope="module")
def data(prepare_log):
    return prepare_log(make_events(some_rows()), make_config(exclude_seen=False, buckets=4))


def pairs(targets):
    return targets.histories, targets.targets


@pytest.mark.parametrize("limit", [1, 2, 7, 39, 40, 1000])
def test_a_limit_takes_the_same_users_each_time(data, limit):
    first, second, whole = (pairs(data.targets("test", n)) for n in (limit, limit, None))
    assert len(first[0]) == len(first[1]) == min(limit, 40)
    assert first[1].tolist() == second[1].tolist()
    every = list(zip(map(bytes, whole[0]), whole[1], strict=True))
    places = [every.index((bytes(h), t)) for h, t in zip(*first, strict=True)]
    assert places == sorted(set(places))
    for history, again in zip(first[0], second[0], strict=True):
        assert history.tolist() == again.tolist()


def test_a_part_that_is_none_is_refused(data):
    with pytest.raises(DataError, match="valid or test"):
        data.targets("train")


def test_a_shard_that_the_manifest_does_not_name_is_not_read(data, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data.folder, folder)
    shutil.copy(folder / "shards" / "part-00000.parquet", folder / "shards" / "part-00099.parquet")
    opened = PreparedData.open(folder)
    assert len(opened.training().items) == len(data.training().items)
    assert len(opened.targets("test").targets) == len(data.targets("test").targets)


@pytest.mark.parametrize("name", ["items.parquet", "shards/part-00002.parquet"])
def test_a_changed_file_is_refused(data, tmp_path, name):
    folder = tmp_path / "data"
    shutil.copytree(data.folder, folder)
    frame = pl.read_parquet(folder / name)
    frame.reverse().write_parquet(folder / name)
    with pytest.raises(ArtifactError, match="changed or damaged"):
        PreparedData.open(folder)


def test_training_events_are_flat_and_owned(data):
    sequences = data.training()
    assert sequences.items.dtype == np.int32
    assert sequences.offsets.dtype == np.int64
    assert len(sequences.offsets) == 41
    assert sequences.items.min() >= 1
    assert sequences.items.max() <= data.item_count
    assert sequences.counts(data.item_count).tolist() == data.item_counts.tolist()


@pytest.mark.parametrize("offsets", [[], [1, 3], [0, 2], [0, 2, 1, 3], [0, 4]])
def test_offsets_that_do_not_fit_are_refused(offsets):
    with pytest.raises(DataError, match="offsets"):
        Sequences(np.array([1, 2, 3], np.int32), np.array(offsets, np.int64))


@pytest.mark.parametrize("items", [[1, 4], [-1, 2]])
def test_items_out_of_the_catalogue_are_not_counted(items):
    with pytest.raises(DataError, match="1 to 3"):
        Sequences(np.array(items, np.int32), np.array([0, 2])).counts(3)


def test_equal_splits_are_known_whatever_they_lie_in(prepare_log):
    """Other buckets and another order of the log's users change nothing; an event does."""
    rows = [(u, (u * 3 + t) % 9, t) for u in range(12) for t in range(7)]

    def split(rows, split=None, **data):
        config = make_config(split, exclude_seen=False, min_item_events=1, min_item_users=1, **data)
        return prepare_log(make_events(rows), config).split_fingerprint

    same = split(rows)
    assert split(rows, buckets=3) == same
    assert split(sorted(rows, key=lambda row: -row[0]), buckets=1) == same
    last, before = rows[-1], rows[-2]
    swapped = [*rows[:-2], (*last[:2], before[2]), (*before[:2], last[2])]
    assert split(swapped) != same
    assert split(rows, {"kind": "users", "test_fraction": 0.4, "valid_fraction": 0.4}) != same
    assert split([*rows, (12, 0, 0), (12, 1, 1), (12, 2, 2)], min_user_events=1) != same


def test_stored_sequences_are_those_in_memory(data):
    whole, stored = data.training(), StoredSequences(data)
    assert stored.lengths.tolist() == whole.lengths.tolist()
    for users in (np.arange(40)[::3], np.array([39]), np.array([], np.intp)):
        first_events = [first.tolist() for first in stored.first_events(users, 3)]
        assert first_events == [first.tolist() for first in whole.first_events(users, 3)]
        offsets = whole.offsets[users]
        assert first_events == [
            whole.items[o : o + len(f)].tolist() for o, f in zip(offsets, first_events, strict=True)
        ]


def test_some_shards_are_some_of_the_users(data):
    parts = [data.training((), [shard]) for shard in data.shards]
    assert np.concatenate([part.items for part in parts]).tolist() == data.training().items.tolist()
    assert [len(part.lengths) for part in parts] == [len(data.lengths(s)) for s in data.shards]


def test_those_who_open_data_together_check_it_between_them(data, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data.folder, folder)
    (folder / data.shards[1]).write_bytes(b"damaged")
    assert PreparedData.open(folder, part=Part(0, 2)).shards == data.shards
    for part in (Part(1, 2), Part(0, 1), Part(1, 3)):
        with pytest.raises(ArtifactError, match="changed or damaged"):
            PreparedData.open(folder, part=part)
