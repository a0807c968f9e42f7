"""The preparation in plain Python, and prepared data in its terms."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from support.plain_hashes import expected, splitmix64


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
    """The same for prepared data, read through its own methods."""
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
    for part, held_out in (("valid", world.valid), ("test", world.test)):
        users = frame.drop_nulls(f"{part}_position")["user"]
        for user, history, target in zip(users, *pairs(data, part), strict=True):
            held_out[user] = ([raw[i] for i in history.tolist()], raw.get(int(target)))
    return world


def pairs(data, part):
    targets = data.targets(part)
    return targets.histories, targets.targets
