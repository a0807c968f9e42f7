"""The whole preparation against plain Python: filters, vocabulary, targets."""

import math
from collections import Counter

import numpy as np
import polars as pl
from hypothesis import strategies as st

from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.manifest import KIND
from pocketrec.preparation.prepare import run_preparation
from pocketrec.storage.draft import new_folder
from support.odd_log_files import ids, is_id
from support.odd_splits import by_user, config_of, frame_of, splits
from support.runtime_calls import answered
from support.tally import fuzz


def core(rows, users, items, item_users):
    """Without what has too little, all at once, until nothing has."""
    while True:
        by_user, by_item = Counter(r[0] for r in rows), Counter(r[1] for r in rows)
        shared = Counter(item for _, item in {r[:2] for r in rows})
        kept = [
            r for r in rows
            if by_user[r[0]] >= users and by_item[r[1]] >= items and shared[r[1]] >= item_users
        ]  # fmt: skip
        if len(kept) == len(rows):
            return rows
        rows = kept


busy = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 6), st.integers(0, 9)), min_size=20, max_size=90
)
limits = st.sampled_from([1, 1, 1, 2, 3, 5, 2**31 - 1])


@fuzz(
    "prepare: whole, from a log to targets",
    150,
    rows=busy,
    names=st.none() | st.lists(ids.filter(is_id), min_size=8, max_size=8, unique=True),
    split=splits,
    limits=st.tuples(limits, limits, limits),
    repeats=st.sampled_from(["all", "first"]),
    buckets=st.sampled_from([1, 2, 5]),
    price=st.lists(st.none() | st.floats() | st.sampled_from([1.0, 2.0]), min_size=7, max_size=7),
    titles=st.none() | st.lists(st.none() | st.text("aé", max_size=2), max_size=9),
    now=st.none() | st.integers(-1, 10),
)
def test_prepare(
    tmp_path_factory, rows, names, split, limits, repeats, buckets, price, titles, now
):
    """Users and items get any text as names; a price comes with each item.

    The catalogue has the first items, or all and some that nobody met, or none at all.
    """
    named = names or range(8)
    table = None
    if titles is not None:
        keys = [*named, "nobody's" if names else 99][: len(titles)]
        table = pl.DataFrame(
            {"item": keys, "title": titles[: len(keys)]},
            schema={"item": pl.String if names else pl.Int64, "title": pl.String},
        )
    rows = [(named[user], named[item], time) for user, item, time in rows]
    config = config_of(
        split,
        {"event": {"price": "number", "tag": "category"}},
        exclude_seen=False,
        repeats=repeats,
        buckets=buckets,
        **dict(zip(("min_user_events", "min_item_events", "min_item_users"), limits, strict=True)),
    )
    prices = dict(zip(named, price, strict=False))
    events = frame_of(rows, text=names is not None).with_columns(
        pl.Series("event:price", [prices[row[1]] for row in rows], dtype=pl.Float64),
        pl.Series("event:tag", [str(row[1])[:1] for row in rows]),
    )
    folder = tmp_path_factory.mktemp("prepared")
    with answered() as outcome, new_folder(folder / "data", KIND) as draft:
        engine = LocalEngine(folder / "scratch")
        counts, features = run_preparation(
            events.lazy(), table, None, config, engine, draft.path, now=now and now / 1000
        )
        draft.manifest |= {
            "source": {},
            "config": config.model_dump(mode="json", exclude_unset=True),
            "counts": counts,
            "features": [feature.to_json() for feature in features],
        }
    if repeats == "first":
        first = {}
        for place, row in sorted(enumerate(rows), key=lambda one: (one[1][2], one[0])):
            first.setdefault(row[:2], (place, row))
        rows = [row for _, row in sorted(first.values())]
    left = core(rows, *limits)
    if outcome.error is not None:
        enough = len({row[0] for row in left}) > 5 and len(left) > 40
        assert not (enough and split["kind"] == "leave-one-out"), outcome.error
        return
    assert counts["kept"] == {
        "events": len(left),
        "users": len({row[0] for row in left}),
        "items": len({row[1] for row in left}),
    }
    data = PreparedData.open(folder / "data")
    title_of = {} if table is None else dict(table.iter_rows())
    assert data.catalogue["title"].to_list() == [title_of.get(i) for i in data.catalogue["item"]]
    check_prepared(data, left, prices)


def check_prepared(data, left, prices):
    """Every target's history is what the user did before it, and nothing else."""
    own = {user: [item for item, _ in events] for user, events in by_user(left).items()}
    index = {item: n for n, item in enumerate(data.catalogue["item"], 1)}
    sequences = data.training(data.features)
    trained = Counter(sequences.items.tolist())
    assert trained == dict(enumerate(data.item_counts.tolist(), 1))
    shards = pl.concat(pl.read_parquet(file) for file in sorted(data.folder.glob("shards/*")))
    length = dict(shards.select("user", "train_length").iter_rows())
    known = {item for user, events in own.items() for item in events[: length.get(user, 0)]}
    assert known == set(index)
    for part in ("valid", "test"):
        targets = data.targets(part, features=data.features)
        users = shards.drop_nulls(f"{part}_position")["user"]
        assert len(users) == len(targets.targets) > 0
        for user, history, target, features in zip(
            users, targets.histories, targets.targets, targets.features, strict=True
        ):
            before = [index[item] for item in own[user] if item in index]
            assert before[: len(history)] == history.tolist()
            assert len(history) >= length[user]
            later = [index.get(item, 0) for item in own[user]][length[user] :]
            assert int(target) in later
            assert all(len(rows) == len(history) for rows in features.values())
    price, tag = data.features
    raw = [prices[data.catalogue["item"][int(i) - 1]] for i in sequences.items]
    tags = [str(data.catalogue["item"][int(i) - 1])[:1] for i in sequences.items]
    of_events = [price.rows(value) for value in raw], [tag.rows(value) for value in tags]
    assert sequences.features["event_price"].tolist() == of_events[0]
    assert sequences.features["event_tag"].tolist() == of_events[1]
    owners = np.repeat(np.arange(len(sequences.offsets) - 1), np.diff(sequences.offsets))
    for edge in price.encoding.edges:
        close = {o for o, v in zip(owners, raw, strict=True) if near(v, edge)}
        assert len(close) >= 5
    for value in tag.encoding.values:
        assert len({o for o, t in zip(owners, tags, strict=True) if t == value}) >= 5


def near(value, edge):
    """Whether a number may round to an edge: by half of its own first digit at most."""
    if value is None or not math.isfinite(value):
        return False
    return value == edge or abs(value - edge) <= 0.5 * max(abs(value), abs(edge))


def test_a_user_of_a_million_events(tmp_path):
    """One bucket holds them; the others are as they would be without."""
    count = 1_000_000
    crowd = pl.DataFrame(
        {"user": np.full(count, -1), "item": np.arange(count) % 50, "time": np.arange(count) // 3}
    )
    rest = pl.DataFrame(
        [(user, (user + t) % 50, t) for user in range(100) for t in range(10)],
        schema=["user", "item", "time"],
        orient="row",
    )
    events = pl.concat([rest, crowd]).with_row_index("order")
    config = config_of(exclude_seen=False, repeats="all", buckets=2, max_user_events=count)
    with new_folder(tmp_path / "data", KIND) as draft:
        counts, _ = run_preparation(
            events.lazy(), None, None, config, LocalEngine(tmp_path / "scratch"), draft.path
        )
        draft.manifest |= {
            "source": {},
            "config": config.model_dump(mode="json", exclude_unset=True),
            "counts": counts,
            "features": [],
        }
    assert counts["largest_user"] == count
    assert "99.9 %" in counts["warnings"][0]
    data = PreparedData.open(tmp_path / "data")
    sequences = data.training()
    assert np.diff(sequences.offsets).max() == count - 2
    assert len(data.targets("test").targets) == 101
    longest = max(data.targets("test").histories, key=len)
    raw = data.catalogue["item"].to_numpy()[longest - 1]
    np.testing.assert_array_equal(raw, np.arange(count - 1) % 50)
