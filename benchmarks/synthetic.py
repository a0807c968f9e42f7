"""A realistic synthetic log, with catalogues of up to millions of items.

    python benchmarks/synthetic.py FOLDER --items 1000000 --users 200000 --events-per-user 25

What is in the world: popularity with a long tail; items in many thousand small topics (about 25
items each), which lie beside each other in some hundred large ones; users who have a few topics of
their own and mostly stay near; sequels that follow; and noise, which leads nowhere. A model
that learns what items have in common can therefore beat popularity and item-to-item transitions.

FOLDER gets events.parquet (user_id, item_id, timestamp), items.parquet (id, title, topic, series:
the large topic and the small one) and world.toml, a config to prepare and train with.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SEQUEL, SAME, NEAR, HOME, POPULAR = 0.15, 0.36, 0.16, 0.20, 0.06
"""How a user goes on: to the newest item's sequel, in its small topic, in one beside it, to a topic
of the user's own, to what is popular; what is left is noise."""
HOMES = 4
"""Small topics that are a user's own."""
LEAST = 5
"""Events of a user that are drawn at least."""
MEAN_TOPIC = 25
"""Items of a small topic, on average."""


@dataclass(frozen=True)
class World:
    """Items 0..V-1 in small topics 0..S-1, which lie in a row in large topics 0..T-1."""

    topic_of: Ints  # (V,) small topic of each item
    first: Ints  # (S + 1,) first item of each small topic
    large_of: Ints  # (S,) large topic of each small one
    first_small: Ints  # (T + 1,) first small topic of each large one
    sequel_of: Ints  # (V,) the item that follows, of the same small topic

    @classmethod
    def make(cls, items: int, random: np.random.Generator) -> World:
        """Topics of all sizes; the sequels of a small topic lead once around it."""
        small = max(2, items // MEAN_TOPIC)
        large = int(np.clip(small // 8, 2, 300))
        first = _cuts(items, small, random)
        first_small = _cuts(small, large, random)
        topic_of = np.repeat(np.arange(small), np.diff(first))
        around = np.lexsort((random.random(items), topic_of))
        following = np.arange(items) + 1
        last = first[1:] - 1
        following[last] = first[:-1]
        sequel_of = np.empty(items, np.int64)
        sequel_of[around] = around[following]
        large_of = np.repeat(np.arange(large), np.diff(first_small))
        return cls(topic_of, first, large_of, first_small, sequel_of)

    def item_of(self, topic: Ints, random: np.random.Generator) -> Ints:
        """An item of each small topic, the first ones more often."""
        return _skewed(self.first[topic], self.first[topic + 1], 2.5, random)

    def topics(self, count: int, random: np.random.Generator) -> Ints:
        """Small topics as they are popular: a large one, then one in it."""
        large = _skewed(np.zeros(count, np.int64), len(self.first_small) - 1, 1.5, random)
        return _skewed(self.first_small[large], self.first_small[large + 1], 2.0, random)

    def beside(self, topic: Ints, random: np.random.Generator) -> Ints:
        """A small topic one or two places away, in the same large one."""
        begin = self.first_small[self.large_of[topic]]
        size = self.first_small[self.large_of[topic] + 1] - begin
        step = random.integers(1, 3, len(topic)) * random.choice([-1, 1], len(topic))
        return begin + (topic - begin + step) % size


def walk(
    world: World, users: int, events_per_user: int, random: np.random.Generator
) -> tuple[Ints, Ints]:
    """What users do, (E,) users and (E,) items: in order of time, which is shared by all."""
    extra = max(0, events_per_user - LEAST)
    lengths = LEAST + np.minimum(random.geometric(1 / (extra + 1), users) - 1, 6 * extra)
    users_by_length = np.argsort(-lengths, kind="stable")
    lengths = lengths[users_by_length]
    homes = world.topics(users * HOMES, random).reshape(users, HOMES)
    item = world.item_of(homes[:, 0], random)
    ways = np.cumsum([SEQUEL, SAME, NEAR, HOME, POPULAR])
    users_by_step, items_by_step, is_noise = [], [], []
    for step in range(int(lengths.max())):
        active = int(np.searchsorted(-lengths, -step))  # those with more events than `step`
        item, own = item[:active], homes[:active]
        way = np.searchsorted(ways, random.random(active), side="right")
        topic = world.topic_of[item]
        topic = np.where(way == 2, world.beside(topic, random), topic)
        mine = own[np.arange(active), random.integers(0, HOMES, active)]
        topic = np.where(way == 3, mine, topic)
        topic = np.where(way == 4, world.topics(active, random), topic)
        moved = np.where(way == 0, world.sequel_of[item], world.item_of(topic, random))
        noise = random.integers(0, len(world.topic_of), active)
        users_by_step.append(users_by_length[:active])
        items_by_step.append(np.where(way == 5, noise, moved))
        # Keep unseen tail items out of the held-out events: the vocabulary would not have them.
        is_noise.append((way == 5) & (step < lengths[:active] - 2))
        item = np.where(way == 5, item, moved)
    items = np.concatenate(items_by_step)
    _discover_the_rest(items, np.concatenate(is_noise), len(world.topic_of), random)
    return np.concatenate(users_by_step), items


def _discover_the_rest(
    items: Ints, is_noise: NDArray[np.bool_], item_count: int, random: np.random.Generator
) -> None:
    """Let noise be items that nobody else touched, so that the log holds (nearly) all items."""
    unseen = np.flatnonzero(np.bincount(items, minlength=item_count) == 0)
    places = random.permutation(np.flatnonzero(is_noise))[: len(unseen)]
    items[places] = random.permutation(unseen)[: len(places)]


def make_world(
    folder: Path, items: int, users: int, events_per_user: int, seed: int = 1
) -> pl.DataFrame:
    """Write the world's log, catalogue and config into `folder`; give the events.

    No user takes an item twice, so the log has slightly fewer events than requested. Equal
    arguments give equal files.
    """
    random = np.random.default_rng(seed)
    world = World.make(items, random)
    who, what = walk(world, users, events_per_user, random)
    ids = random.permutation(items)  # so that an id does not reveal its topic
    events = (
        pl.DataFrame({"user_id": who, "item_id": ids[what]})
        .with_columns(timestamp=1_600_000_000 + pl.int_range(pl.len()))
        .unique(["user_id", "item_id"], keep="first", maintain_order=True)
    )
    topic = world.topic_of
    catalogue = pl.DataFrame(
        {"id": ids, "topic": world.large_of[topic], "series": topic}
    ).with_columns(title=pl.format("Item {}", "id"))
    folder.mkdir(parents=True, exist_ok=True)
    events.write_parquet(folder / "events.parquet")
    catalogue.sort("id").write_parquet(folder / "items.parquet")
    (folder / "world.toml").write_text(CONFIG)
    return events


CONFIG = """\
[data]
path = "events.parquet"
items = "items.parquet"
min_item_events = 1
min_item_users = 1

[features.item]
topic = "category"
series = "category"

[model]
max_length = 50
successors = 0

[training]
loss = "sampled_softmax"
"""


def _cuts(count: int, parts: int, random: np.random.Generator) -> Ints:
    """Where `parts` parts of all sizes, none of them empty, begin in `count` things; then `count`.

    (parts + 1,)
    """
    inner = random.choice(count - 1, parts - 1, replace=False) + 1
    return np.concatenate([[0], np.sort(inner), [count]]).astype(np.int64)


def _skewed(begin: Ints, end: Ints | int, power: float, random: np.random.Generator) -> Ints:
    """One of begin..end - 1 each, the r-th about as often as r^(1 / power - 1)."""
    places = (end - begin) * random.random(len(begin)) ** power
    return begin + places.astype(np.int64)


def main() -> None:
    """Make a world and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--events-per-user", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    made = make_world(
        arguments.folder,
        arguments.items,
        arguments.users,
        arguments.events_per_user,
        arguments.seed,
    )
    counts = made["item_id"].value_counts()["count"]
    print(
        f"{made.height:,} events of {made['user_id'].n_unique():,} users, {len(counts):,} items; "
        f"events of an item: median {counts.median():.0f}, most {counts.max():,}"
    )


if __name__ == "__main__":
    main()
