"""Each step of the preparation against plain Python: no split leaks, and nothing is lost."""

from collections import Counter

import polars as pl
from hypothesis import strategies as st

from pocketrec.preparation.filters import keep_first, keep_items
from pocketrec.preparation.sequences import gather_sequences, sort_events
from pocketrec.preparation.split import ROLE, Role, assign_roles, time_cuts, time_histogram
from pocketrec.preparation.vocabulary import build_vocabulary, count_items, sum_counts
from support.odd_splits import by_user, config_of, frame_of, logs, splits, things
from support.tally import fuzz


def cuts_of(frame, split):
    if split.kind != "time":
        return None
    first, last = frame["time"].min(), frame["time"].max()
    return time_cuts(time_histogram(frame, first, last), first, last, split)


@fuzz("splits: roles of events", 800, rows=logs, split=splits)
def test_roles(rows, split):
    """Each user trains on a beginning only; a target is one event, after all that is trained on."""
    frame, split = sort_events(frame_of(rows)), config_of(split).split
    cuts = cuts_of(frame, split)
    assigned = assign_roles(frame, split, cuts)
    kept = Counter(assigned.select("user", "item", "time").rows())
    assert not kept - Counter(rows)
    for user, own in by_user(rows).items():
        part = assigned.filter(pl.col("user") == user)
        roles = part[ROLE].to_list()
        assert part.select("item", "time").rows() == own[: len(roles)]
        trained = roles.count(Role.TRAIN)
        assert roles[:trained] == [Role.TRAIN] * trained
        assert max(roles.count(Role.VALID), roles.count(Role.TEST)) <= 1
        if split.kind == "leave-one-out":
            assert roles[trained:] == ([Role.VALID, Role.TEST] if len(own) > 2 else [])
            assert len(roles) == len(own)
        elif split.kind == "users":
            assert trained in (0, len(own))
            assert len(roles) == len(own)
            if not trained:
                assert roles[-1] in (Role.VALID, Role.TEST)
                assert set(roles[:-1]) <= {Role.CONTEXT}
        else:
            valid_cut, test_cut = cuts
            assert trained == sum(time < valid_cut for _, time in own)
            middle = sum(time < test_cut for _, time in own)
            assert (Role.VALID in roles) == (middle > trained)
            assert (Role.TEST in roles) == (len(own) > middle)
            if Role.VALID in roles:
                assert roles[trained] == Role.VALID
            if Role.TEST in roles:
                assert roles.index(Role.TEST) == middle == len(roles) - 1


@fuzz("sequences: rows of users", 600, rows=logs, split=splits, known=st.sets(things, max_size=6))
def test_sequences(rows, split, known):
    """Some items are unknown: as targets they are 0, and they are in no history."""
    frame, split = sort_events(frame_of(rows)), config_of(split).split
    events = assign_roles(frame, split, cuts_of(frame, split))
    items = sorted(known | {row[1] for row in rows[::2]})
    table = pl.DataFrame(
        {"item": items, "index": range(1, len(items) + 1)},
        schema={"item": pl.Int64, "index": pl.Int32},
    )
    sequences = {row["user"]: row for row in gather_sequences(events, table).iter_rows(named=True)}
    place = {item: n for n, item in enumerate(items, 1)}
    for user in {row[0] for row in rows}:
        own = events.filter(pl.col("user") == user).select("item", "time", ROLE).rows()
        targets = (Role.VALID, Role.TEST)
        kept = [(place.get(i, 0), t, role) for i, t, role in own if i in place or role in targets]
        if not kept:
            assert user not in sequences
            continue
        row = sequences.pop(user)
        assert list(zip(row["item"], row["time"], strict=True)) == [one[:2] for one in kept]
        roles = [role for *_, role in kept]
        assert row["train_length"] == roles.count(Role.TRAIN)
        for name, role in (("valid_position", Role.VALID), ("test_position", Role.TEST)):
            assert row[name] == (roles.index(role) if role in roles else None)
            if row[name] is not None:
                assert row["train_length"] <= row[name]
    assert not sequences


@fuzz(
    "vocabularies: items and users of buckets",
    500,
    rows=logs,
    buckets=st.integers(1, 5),
    text=st.booleans(),
)
def test_vocabulary(rows, buckets, text):
    if text:
        rows = [(str(user), "é"[: item % 2] + str(item), time) for user, item, time in rows]
    parts = [[r for r in rows if ord(str(r[0])[-1]) % buckets == n] for n in range(buckets)]
    counts = sum_counts(pl.concat(count_items(frame_of(part, text=text)) for part in parts))
    events, pairs = Counter(r[1] for r in rows), Counter(i for _, i in {r[:2] for r in rows})
    order = (lambda i: i.encode()) if text else (lambda i: i)
    assert counts.rows() == [(i, events[i], pairs[i]) for i in sorted(events, key=order)]
    ranked = sorted(events, key=lambda i: (-events[i], order(i)))
    expected = [(n, i, events[i]) for n, i in enumerate(ranked, 1)]
    assert build_vocabulary(counts).rows() == expected


@fuzz("filters: repeats and k-core", 500, rows=logs, least=st.integers(1, 30), kept=st.sets(things))
def test_filters(rows, least, kept):
    first = keep_first(sort_events(frame_of(rows))).select("user", "item", "time").rows()
    seen = {}
    for user, item, time in sorted(rows, key=lambda row: row[2]):
        seen.setdefault((user, item), time)
    assert Counter(first) == Counter((*pair, time) for pair, time in seen.items())
    items = pl.Series("item", sorted(kept), dtype=pl.Int64)
    left = keep_items(frame_of(rows), items, least).select("user", "item", "time").rows()
    known = [row for row in rows if row[1] in kept]
    sizes = Counter(row[0] for row in known)
    assert left == [row for row in known if sizes[row[0]] >= least]
