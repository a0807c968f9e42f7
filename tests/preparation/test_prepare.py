"""The whole preparation, against a naive one in plain Python."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_buckets import expected, splitmix64

from pocketrec.errors import DataError
from pocketrec.preparation.split import time_cuts, time_histogram
from support.small_logs import NO_FILTER, make_config, make_events, some_rows

few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class World:
    """What the naive preparation makes: raw ids throughout."""

    items: list = field(default_factory=list)  # (item, training count), in order of the index
    train: dict = field(default_factory=dict)  # user -> items, oldest first
    valid: dict = field(default_factory=dict)  # user -> (history, target or None)
    test: dict = field(default_factory=dict)


def chance(user, seed):
    return (splitmix64(expected(user) ^ splitmix64(seed + 1)) >> 11) / 2**53


def naive_core(rows, users, items, item_users):
    """Drop ONE offender at a time, as often as there is one."""
    while True:
        by_user, by_item = Counter(r[0] for r in rows), Counter(r[1] for r in rows)
        shared = Counter(item for _, item in {r[:2] for r in rows})
        by_item = {i: n if shared[i] >= item_users else 0 for i, n in by_item.items()}
        bad = [r for r in rows if by_user[r[0]] < users or by_item[r[1]] < items]
        if not bad:
            return rows
        user, item = bad[0][:2]
        rows = (
            [r for r in rows if r[0] != user or by_user[user] >= users]
            if by_user[user] < users
            else [r for r in rows if r[1] != item]
        )


def naive_time_cuts(rows, valid, test):
    """With fewer moments than steps of the histogram a step is one moment."""
    times = sorted(r[2] for r in rows)
    cuts = []
    for share in (1 - valid - test, 1 - test):
        enough = [t for t in times if sum(x < t for x in times) / len(times) >= share]
        cuts.append(min(enough, default=times[-1] + 1))
    return cuts


def naive(rows, config):
    """Return a World, or None where nothing is left to train, tune or test on."""
    data, split = config.data, config.split
    if data.min_rating is not None:
        rows = [r for r in rows if r[3] >= data.min_rating]
    rows = sorted(rows, key=lambda r: r[2])  # stable: ties in input order
    if data.repeats_rule == "first":
        seen, kept = set(), []
        for row in rows:
            if row[:2] not in seen:
                seen.add(row[:2])
                kept.append(row)
        rows = kept
    if len({r[0] for r in rows}) < 2:
        return None
    rows = naive_core(rows, data.min_user_events, data.min_item_events, data.min_item_users)
    if not rows:
        return None
    world, targets = World(), []
    cuts = naive_time_cuts(rows, split.valid_fraction, split.test_fraction)
    for user in {r[0] for r in rows}:
        own = [r for r in rows if r[0] == user]
        train, valid, test = len(own), None, None
        if split.kind == "leave-one-out" and len(own) >= 3:
            train, valid, test = len(own) - 2, len(own) - 2, len(own) - 1
        elif split.kind == "users":
            drawn = chance(user, split.seed)
            if drawn < split.test_fraction:
                train, test = 0, len(own) - 1
            elif drawn < split.test_fraction + split.valid_fraction:
                train, valid = 0, len(own) - 1
        elif split.kind == "time":
            train = sum(r[2] < cuts[0] for r in own)
            middle = sum(r[2] < cuts[1] for r in own)
            valid = train if middle > train else None
            test = middle if len(own) > middle else None
        world.train[user] = [r[1] for r in own[:train]]
        for part, position in (("valid", valid), ("test", test)):
            if position is not None:
                targets.append((part, user, [r[1] for r in own[:position]], own[position][1]))
    counts = Counter(item for items in world.train.values() for item in items)
    world.items = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    for part, user, history, target in targets:
        known = [item for item in history if item in counts]
        getattr(world, part)[user] = (known, target if target in counts else None)
    return world if counts and world.valid and world.test else None


def read_world(data):
    """The same of prepared data, through its own doors."""
    items = data.catalogue["item"].to_list()
    raw = dict(enumerate(items, 1))
    shards = [pl.read_parquet(f) for f in sorted((data.folder / "shards").iterdir())]
    frame = pl.concat(shards)
    sequences = data.training()
    world = World(list(zip(items, data.item_counts.tolist(), strict=True)))
    for user, begin, end in zip(
        frame["user"], sequences.offsets[:-1], sequences.offsets[1:], strict=True
    ):
        world.train[user] = [raw[i] for i in sequences.items[begin:end].tolist()]
    for part, found in (("valid", world.valid), ("test", world.test)):
        users = frame.drop_nulls(f"{part}_position")["user"]
        for user, history, target in zip(users, *_pairs(data, part), strict=True):
            found[user] = ([raw[i] for i in history.tolist()], raw.get(int(target)))
    return world


ratings = st.sampled_from([1.0, 3.0, 5.0])
integers = st.tuples(st.integers(-3, 9), st.integers(-2, 6), st.integers(0, 30), ratings)
strings = st.tuples(
    st.sampled_from(["", "a", "B", "é", "zz", "10", "9"]),
    st.sampled_from(["x", "Y", "ö", "10", "9"]),
    st.integers(0, 30),
    ratings,
)
configs = st.builds(
    make_config,
    split=st.one_of(
        st.just({"kind": "leave-one-out"}),
        st.builds(
            lambda seed: {
                "kind": "users",
                "seed": seed,
                "valid_fraction": 0.3,
                "test_fraction": 0.3,
            },
            st.integers(0, 9),
        ),
        st.just({"kind": "time", "valid_fraction": 0.2, "test_fraction": 0.3}),
    ),
    exclude_seen=st.booleans(),
    rating=st.just("rating"),
    min_rating=st.sampled_from([None, 2.0]),
    min_user_events=st.integers(1, 3),
    min_item_events=st.integers(1, 3),
    min_item_users=st.integers(1, 4),
    buckets=st.sampled_from([1, 2, 5]),
)


@few
@given(st.lists(st.one_of(integers), min_size=12, max_size=90), configs)
def test_it_equals_the_naive_preparation(prepare_log, rows, config):
    compare(prepare_log, rows, config, make_events(rows))


@few
@given(st.lists(strings, min_size=12, max_size=60), configs)
def test_it_equals_the_naive_preparation_for_string_ids(prepare_log, rows, config):
    compare(prepare_log, rows, config, make_events(rows, pl.String, pl.String))


def compare(prepare_log, rows, config, events):
    wanted = naive(rows, config)
    if wanted is None:
        with pytest.raises(DataError):
            prepare_log(events, config)
        return
    assert read_world(prepare_log(events, config)) == wanted


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


@pytest.mark.parametrize("kind", ["leave-one-out", "users"])
def test_no_history_holds_anything_of_its_targets_future(prepare_log, kind):
    """Items are moments, so an index tells when it happened; each moment has its own item."""
    rows = [(u, t, t) for u in range(30) for t in range(u % 7, 60, 1 + u % 3)]
    config = make_config({"kind": kind}, exclude_seen=False, min_item_events=1, min_item_users=1)
    data = prepare_log(make_events(rows), config)
    raw = np.array([-1, *data.catalogue["item"]])
    seen = 0
    for part in ("valid", "test"):
        for history, target in zip(*_pairs(data, part), strict=True):
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
    histories, targets = _pairs(data, "test")
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
    (history,), targets = _pairs(data, "valid")
    assert (history.tolist(), targets.tolist()) == ([1], [0])
    (history,), targets = _pairs(data, "test")
    assert (history.tolist(), targets.tolist()) == ([1], [0])
    assert history.dtype == targets.dtype == np.int32


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


@pytest.mark.parametrize("kind", ["users", "time"])
def test_a_split_that_leaves_nothing_to_test_is_refused(prepare_log, kind):
    rows = [(u, i, 0) for u in range(3) for i in range(3)]
    split = {"kind": kind, "valid_fraction": 1e-6, "test_fraction": 1e-6}
    with pytest.raises(DataError, match=f"'{kind}' leaves no"):
        prepare_log(make_events(rows), make_config(split, **NO_FILTER))


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


def _pairs(data, part):
    found = data.targets(part)
    return found.histories, found.targets


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
