"""New items without retraining: hide the newest tenth of the items, add them, rank them.

    python benchmarks/new_items.py CONFIG --out FOLDER [--newest-by year] [--set ..]

The newest items, by first event or by an attribute, are removed from the log and the catalogue. A
model is trained on the rest and exported; `pocketrec add-items` then adds the new items, from
their attributes only. For each user who touched a new item, given the old items before it:

- people: the share of other users, who did not touch it, to whom the model gives this item a
  lower score. One list for all users scores one half, as does chance.
- among the new: the rank of this item among all new ones, compared with chance, with the model's
  list for an empty history, and with an oracle that knows how often others will touch it.
- in the whole catalogue: how often it is among the first ten, where popularity, which counts
  events of the past, has no new item at all.

For old items: the quality of both bundles on the test users of the old log. Runs are kept in
FOLDER and not repeated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import pocketrec as pr
from pocketrec.bundle.folder import open_bundle
from pocketrec.config.sections import Config
from pocketrec.evaluation.bootstrap import interval, paired_difference
from pocketrec.evaluation.on_device import rank_on_device
from pocketrec.evaluation.summary import user_values
from pocketrec.ingest.read import read_catalogue, read_events, read_users
from pocketrec.new_items.add_items import add_items
from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.filters import keep_first
from pocketrec.runtime import Event, Recommender
from pocketrec.schema import Column
from progress import print_epoch

SHARE = 0.1
BOOTSTRAP, SEED = 2000, 1
K = 10


@dataclass(frozen=True)
class World:
    """A log in two parts: the events for training, and the events with new items."""

    old: pl.DataFrame
    new: pl.DataFrame
    catalogue: pl.DataFrame
    users: pl.DataFrame | None


def split(config: Config, newest_by: str | None) -> World:
    """Take the newest items out of the log."""
    catalogue, users = read_catalogue(config), read_users(config)
    if catalogue is None:
        raise SystemExit("without a catalogue nothing is known of new items")
    events = keep_first(_sorted(read_events(config).collect()))
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
    tables = {"path": "events", "items": "items"}
    if world.users is not None:
        tables["users"] = "users"
    columns_of_world = {
        "source": "",
        **{key: str(folder.resolve() / f"{name}.parquet") for key, name in tables.items()},
        "user": Column.USER,
        "item": Column.ITEM,
        "time": columns[2],
        "time_format": "milliseconds" if clock else "order",
    }
    changes = [f"data.{key}={value}" for key, value in columns_of_world.items()]
    experiment = pr.Config.load(config, [*changes, *settings])
    data = pr.prepare(experiment, folder / "data")
    run = pr.train(experiment, data, folder / "run", resume=True, on_epoch=print_epoch)
    pr.export(
        run,
        folder / "bundle",
        data=data,
        overrides=["export.max_bytes="],
        accept_quality_loss=True,
    )
    extended = folder / "extended"
    if not extended.exists():
        add_items(folder / "bundle", folder / "new.csv", extended)


@dataclass(frozen=True)
class Case:
    """A user at the moment of the last new item that they touched."""

    scores: NDArray[np.float32]  # (V + n,) of all items; what was seen before far below
    item: int  # its place in `scores`
    touched: list[int]  # places of all new items that this user ever touched


def cases(world: World, recommender: Recommender) -> list[Case]:
    """Every user with a new item and an old one before it."""
    places = {str(item.id): place for place, item in enumerate(recommender.items)}
    ids = [item.id for item in recommender.items]
    old = {user: log for (user,), log in _sorted(world.old).group_by(Column.USER)}
    named = [feature.name for feature in recommender.features if feature.of == "user"]
    people = {} if world.users is None else {r[Column.USER]: r for r in world.users.to_dicts()}
    kept = []
    for (user,), log in _sorted(world.new).group_by(Column.USER, maintain_order=True):
        last = log.row(-1, named=True)
        before = old.get(user, world.old.clear()).filter(pl.col(Column.TIME) <= last[Column.TIME])
        history = [Event(r[Column.ITEM], _seconds(r)) for r in before.to_dicts()]
        history = [event for event in history if str(event.id) in places]
        if not history:
            continue
        user_features = {name: people[user][name] for name in named} if user in people else None
        scores = recommender.score(history, ids, user=user_features, now=_seconds(last))
        array = np.asarray(scores, np.float32)
        array[[places[str(event.id)] for event in history]] = -np.inf
        touched = [places[str(item)] for item in log[Column.ITEM]]
        kept.append(Case(array, places[str(last[Column.ITEM])], touched))
    return kept


def _sorted(events: pl.DataFrame) -> pl.DataFrame:
    return events.sort(Column.USER, Column.TIME, Column.ORDER)


def _seconds(row: dict[str, int]) -> float | None:
    clock = row.get(Column.CLOCK)
    return None if clock is None else clock / 1000


def measure(tested: list[Case], everybody: NDArray[np.float32], old: int) -> dict[str, object]:
    """The figures of the new items; `everybody` are the scores (V + n,) without history."""
    scores = np.stack([case.scores for case in tested])
    items = np.array([case.item for case in tested])
    users = np.arange(len(items))
    scores_of_items = scores[users, items]
    touched = np.zeros(scores.shape, bool)
    for user, case in enumerate(tested):
        touched[user, case.touched] = True
    people = np.array(
        [
            _below(scores[~touched[:, item], item], scores_of_items[user])
            for user, item in enumerate(items)
        ]
    )
    oracle = np.bincount(items, minlength=scores.shape[1]).astype(np.float64)
    rankings = {
        "model": scores[:, old:],
        "same list for everybody": np.broadcast_to(everybody[old:], scores[:, old:].shape),
        # A user's own event does not count for what others will touch.
        "oracle of popularity": oracle[old:] - (np.arange(old, scores.shape[1]) == items[:, None]),
    }
    hits = {name: _hits(values, items - old) for name, values in rankings.items()}
    in_all = _hits(scores, items)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    new = scores.shape[1] - old
    return {
        "users": len(tested),
        "new items": new,
        "people: others below": _measure(people),
        "above one half": _measure(people - 0.5),
        "among the new, HR@10": {name: _measure(values) for name, values in hits.items()}
        | {"chance": K / new},
        "model above same list for everybody": _difference(
            hits["model"], hits["same list for everybody"]
        ),
        "in the whole catalogue, HR@10": {
            "model": _measure(in_all),
            "popularity": 0.0,
            "chance": K / scores.shape[1],
        },
        "new items' share of places": float(np.mean(top >= old)),
    }


def _below(others: NDArray[np.float32], own: float) -> float:
    return float(np.mean(others < own) + np.mean(others == own) / 2)


def _hits(scores: NDArray[np.floating], items: NDArray[np.int64]) -> NDArray[np.float64]:
    """Whether each user's item is among the best K; with ties as often as chance would have it."""
    own = scores[np.arange(len(items)), items][:, None]
    ahead = (scores > own).sum(1)
    equal = (scores == own).sum(1)
    hits: NDArray[np.float64] = np.clip((K - ahead) / equal, 0, 1)
    return hits


def _measure(values: NDArray[np.float64]) -> dict[str, float]:
    return interval(values, BOOTSTRAP, SEED).to_json()


def _difference(values: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, float]:
    return paired_difference(values, others, BOOTSTRAP, SEED).to_json()


def old_items(folder: Path) -> dict[str, object]:
    """What becomes of old items: the test users of the old log, before and after."""
    before, after = open_bundle(folder / "bundle"), open_bundle(folder / "extended")
    data = PreparedData.open(folder / "data")
    targets = data.targets("test", features=before.features)
    rankings = [rank_on_device(bundle.device(), targets, k=K) for bundle in (before, after)]
    values = [user_values(ranking, "ndcg@10", data.item_count) for ranking in rankings]
    old, changed = before.spec.shapes.items, 0
    for first, second in zip(rankings[0].top, rankings[1].top, strict=True):
        kept = second[second <= old]
        changed += not np.array_equal(kept, first[: len(kept)])
    return {
        "users": len(targets.targets),
        "lists whose old items are in another order": changed,
        "NDCG@10 before": _measure(values[0]),
        "NDCG@10 with new items in the lists": _measure(values[1]),
        "difference": _difference(values[1], values[0]),
    }


def main() -> None:
    """Make both bundles, measure them, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--newest-by", help="attribute of items; default: their first event")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    world = split(Config.load(arguments.config, arguments.settings), arguments.newest_by)
    others = [setting for setting in arguments.settings if not setting.startswith("data.")]
    make_bundles(arguments.config, arguments.out, world, others)
    recommender = Recommender.load(arguments.out / "extended")
    ids = [item.id for item in recommender.items]
    everybody = np.asarray(recommender.score([], ids), np.float32)
    old = open_bundle(arguments.out / "bundle").spec.shapes.items
    figures = measure(cases(world, recommender), everybody, old)
    print(json.dumps({"new items": figures, "old items": old_items(arguments.out)}, indent=1))


if __name__ == "__main__":
    main()
