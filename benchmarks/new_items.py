"""New items without retraining: hide the newest tenth of the items, add them, see who gets them.

    python benchmarks/new_items.py CONFIG --out FOLDER [--newest-by year] [--set ..]

The newest items, by their first event or by an attribute, are taken out of log and catalogue; a
model is trained on the rest, exported, and given them by `pocketrec add-items`, which knows their
attributes only. Then each user who did touch one of them, at that moment, with the history of
old items before:

- people: the share of other users, who did not touch it, to whom the model gives this item a
  lower score. A list that is the same for everybody has one half; so has chance.
- among the new: the place of this item among all new ones, beside chance, beside the model's own
  list for somebody without history, and beside an oracle that knows how often others will touch it.
- in the whole catalogue: how often it is among the first ten, where popularity, which counts
  events of the past, has no new item at all.

And the old items: what the two bundles recommend of them, on the test users of the old log.
Runs lie in FOLDER, and what is there is not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from commands import pocketrec
from pocketrec.bundle import open_bundle
from pocketrec.config import Config
from pocketrec.evaluation.bootstrap import interval, paired_difference
from pocketrec.evaluation.on_device import rank_on_device
from pocketrec.evaluation.summary import user_values
from pocketrec.examples.filters import keep_first
from pocketrec.examples.shards import PreparedData
from pocketrec.logs.read import read_catalogue, read_events, read_users
from pocketrec.runtime import Event, Recommender
from pocketrec.schema import Column
from pocketrec.toml import load_config

SHARE = 0.1
BOOTSTRAP, SEED = 2000, 1
K = 10


@dataclass(frozen=True)
class World:
    """A log in two: what the model is made of, and the events with what it never saw."""

    old: pl.DataFrame
    new: pl.DataFrame
    catalogue: pl.DataFrame
    users: pl.DataFrame | None


def split(config: Config, newest_by: str | None) -> World:
    """Take the newest items out of the log."""
    catalogue, users = read_catalogue(config), read_users(config)
    if catalogue is None:
        raise SystemExit("without a catalogue nothing is known of new items")
    events = keep_first(read_events(config).collect())
    items = events.group_by(Column.ITEM).agg(pl.len(), pl.col(Column.TIME).min())
    items = items.filter(pl.col("len") >= config.data.min_item_events)
    items = items.join(catalogue, on=Column.ITEM)
    newest = [newest_by or Column.TIME, Column.ITEM]
    items = items.sort(newest, descending=True, nulls_last=True)
    hidden = items[Column.ITEM].head(round(SHARE * items.height)).implode()
    is_new = pl.col(Column.ITEM).is_in(hidden)
    known = pl.col(Column.ITEM).is_in(items[Column.ITEM].implode())
    events = events.filter(known)
    return World(events.filter(~is_new), events.filter(is_new), catalogue, users)


def make_bundles(config: Path, folder: Path, world: World, settings: list[str]) -> None:
    """Train on the old log, export, and add the new items."""
    clock = Column.CLOCK in world.old.columns
    columns = [Column.USER, Column.ITEM, Column.CLOCK if clock else Column.TIME]
    new = pl.col(Column.ITEM).is_in(world.new[Column.ITEM].implode())
    attributes = [c for c in world.catalogue.columns if c not in (Column.ITEM, Column.TITLE)]
    if not (folder / "new.csv").exists():
        world.old.select(columns).write_parquet(folder / "events.parquet")
        world.catalogue.filter(~new).rename({Column.ITEM: "id"}).write_parquet(
            folder / "items.parquet"
        )
        if world.users is not None:
            world.users.rename({Column.USER: "id"}).write_parquet(folder / "users.parquet")
        lists = [c for c in attributes if world.catalogue[c].dtype == pl.List(pl.String)]
        world.catalogue.filter(new).rename({Column.ITEM: "id"}).with_columns(
            pl.col(lists).list.join("|")
        ).write_csv(folder / "new.csv")
    tables = {"path": "events", "items": "items"} | ({"users": "users"} if world.users is not None else {})
    given = {
        "source": "",
        **{key: str(folder.resolve() / f"{name}.parquet") for key, name in tables.items()},
        "user": Column.USER,
        "item": Column.ITEM,
        "time": columns[2],
        "time_format": "milliseconds" if clock else "order",
    }
    options = [word for key, value in given.items() for word in ("--set", f"data.{key}={value}")]
    options += [word for setting in settings for word in ("--set", setting)]
    data, run, bundle = (folder / name for name in ("data", "run", "bundle"))
    pocketrec("prepare", config, "--out", data, *options)
    pocketrec("train", config, "--data", data, "--out", run, "--resume", *options)
    gates = ("--set", "export.max_bytes=", "--accept-quality-loss")
    pocketrec("export", run, "--out", bundle, *gates)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--newest-by", help="attribute of items; default: their first event")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    config = load_config(a.config, a.settings)
    world = split(config, a.newest_by)
    print(world.old.height, world.new.height, world.new[Column.ITEM].n_unique())
    data = [s for s in a.settings if not s.startswith("data.")]
    make_bundles(a.config, a.out, world, data)
