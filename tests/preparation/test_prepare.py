"""What preparation writes: the same bytes each time, and what each setting changes."""

from collections import Counter

import polars as pl
import pytest

from pocketrec.errors import DataError
from support.naive_preparation import read_world
from support.small_logs import NO_FILTER, make_config, make_events, some_rows

KINDS = ["leave-one-out", "users", "time"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_buckets_changes_nothing_but_the_files(prepare_log, kind):
    frames, tables = [], []
    for buckets in (1, 3, 64):  # more buckets than users: some are empty
        config = make_config({"kind": kind}, exclude_seen=False, buckets=buckets)
        data = prepare_log(make_events(some_rows()), config)
        files = sorted((data.folder / "shards").iterdir())
        assert len(files) == buckets
        frames.append(pl.concat([pl.read_parquet(file) for file in files]).sort("user"))
        tables.append(data.catalogue)
    assert frames[0].height == 40
    for frame, table in zip(frames[1:], tables[1:], strict=True):
        assert frame.equals(frames[0])
        assert table.equals(tables[0])


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_write_the_same_bytes(prepare_log, kind):
    config = make_config({"kind": kind}, buckets=3, exclude_seen=False)
    first, second = (prepare_log(make_events(some_rows()), config) for _ in range(2))
    files = [p.relative_to(first.folder) for p in first.folder.rglob("*") if p.is_file()]
    assert len(files) == 5
    for file in files:
        assert (first.folder / file).read_bytes() == (second.folder / file).read_bytes()
    assert first.fingerprint == second.fingerprint


def test_the_place_of_rows_in_memory_changes_nothing(prepare_log):
    """ORDER, and not the order in which rows happen to come, breaks ties of time."""
    events = make_events(some_rows(last=20)).collect()
    config = make_config(exclude_seen=True, buckets=3)
    first = prepare_log(events.lazy(), config)
    second = prepare_log(events.sample(fraction=1, shuffle=True, seed=3).lazy(), config)
    assert first.fingerprint == second.fingerprint


def test_ties_of_time_keep_the_order_of_the_input(prepare_log):
    rows = [(1, item, 0) for item in (9, 3, 7, 5)] + [(2, item, 0) for item in (3, 9, 5, 7)]
    world = read_world(prepare_log(make_events(rows), make_config(**NO_FILTER)))
    assert world.train == {1: [9, 3], 2: [3, 9]}
    assert world.items == [(3, 2), (9, 2)]


def test_first_of_repeats_is_the_earliest_and_all_keeps_all(prepare_log):
    rows = [(u, item, t) for u in (1, 2) for item, t in ((5, 9), (6, 2), (5, 1), (7, 3), (8, 4))]
    first = read_world(prepare_log(make_events(rows), make_config(**NO_FILTER)))
    assert first.train[1] == [5, 6]
    config = make_config(exclude_seen=False, **NO_FILTER)
    every = read_world(prepare_log(make_events(rows), config))
    assert every.train[1] == [5, 6, 7]
    assert every.test[1] == ([5, 6, 7], 5)  # nobody trained on 8


@pytest.mark.parametrize(
    ("rows", "data", "words"),
    [
        ([], {}, "no events"),
        ([(1, 1, 1, 2.0), (2, 2, 2, 2.0)], {"rating": "r", "min_rating": 4}, "min_rating"),
        ([(1, i, i) for i in range(20)], {}, "one user only"),
        (
            [(u, i, i) for u in range(4) for i in range(4)],
            {"min_user_events": 5},
            "no event is left of 16",
        ),
        ([(u, i, i) for u in range(4) for i in range(2)], NO_FILTER, "no validation target"),
    ],
)
def test_a_log_that_cannot_be_used_gets_one_sentence(prepare_log, rows, data, words):
    with pytest.raises(DataError) as caught:
        prepare_log(make_events(rows), make_config(**data))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


BASE = {"kind": "users", "valid_fraction": 0.3, "test_fraction": 0.3}


@pytest.mark.parametrize(
    ("split", "data"),
    [
        ({"kind": "leave-one-out"}, {}),
        (BASE | {"valid_fraction": 0.1}, {}),
        (BASE | {"test_fraction": 0.1}, {}),
        (BASE | {"seed": 2}, {}),
        (BASE, {"exclude_seen": True}),
        (BASE, {"repeats": "first"}),
        (BASE, {"min_rating": 3}),
        (BASE, {"min_user_events": 12}),
        (BASE, {"min_item_events": 20}),
        (BASE, {"min_item_users": 17}),
        (BASE, {"max_user_events": 12}),
    ],
)
def test_each_setting_changes_what_is_prepared(prepare_log, split, data):
    plain = {"exclude_seen": False, "rating": "rating", "buckets": 2}
    events = make_events(some_rows())
    before = prepare_log(events, make_config(BASE, **plain))
    after = prepare_log(events, make_config(split, **plain | data))
    assert before.fingerprint != after.fingerprint


def test_titles_and_attributes_come_in_the_order_of_the_index(prepare_log):
    rows = [(u, i, i) for u in range(6) for i in (30, 10, 20)[: 3 if u < 3 else 2]]
    catalogue = pl.DataFrame(
        {
            "item": [10, 20, 40],
            "title": ["ten", "twenty", "forty"],
            "genres": [["a", "b"], [], ["c"]],
        }
    )
    rows += [(u, 99, 100 + k) for u in range(6) for k in (0, 1)]
    config = make_config(exclude_seen=False, **NO_FILTER)
    data = prepare_log(make_events(rows), config, catalogue)
    assert data.catalogue["index"].to_list() == list(range(1, data.item_count + 1))
    assert data.catalogue["item"].to_list() == [10, 30, 20]
    assert data.catalogue["title"].to_list() == ["ten", None, "twenty"]
    assert data.catalogue["genres"].to_list() == [["a", "b"], None, []]


def test_without_a_catalogue_titles_are_unknown(prepare_log):
    data = prepare_log(make_events(some_rows()), make_config(exclude_seen=False))
    assert data.catalogue["title"].null_count() == data.item_count == 25


def test_of_a_user_with_too_many_events_the_newest_are_read(prepare_log):
    """As if the older ones had never been, for everybody and everything."""
    rows = some_rows()
    config = make_config(exclude_seen=False, max_user_events=15)
    latest = Counter()
    kept = []
    for place, row in sorted(enumerate(rows), key=lambda one: (one[1][2], one[0]), reverse=True):
        latest[row[0]] += 1
        if latest[row[0]] <= 15:
            kept.append((place, row))
    without = [row for _, row in sorted(kept)]
    cut = prepare_log(make_events(rows), config)
    assert cut.fingerprint == prepare_log(make_events(without), config).fingerprint
    counts = cut.manifest.counts.model_dump()
    over = [user for user, count in latest.items() if count > 15]
    dropped = {"events": len(rows) - len(without), "users": len(over)}
    assert counts["dropped"]["max_user_events"] == dropped
    assert counts["read"]["events"] == len(without)


def test_a_small_log_is_cut_into_eight_buckets_unless_told_otherwise(prepare_log):
    data = prepare_log(make_events(some_rows()), make_config(exclude_seen=False))
    assert len(list((data.folder / "shards").iterdir())) == 8
