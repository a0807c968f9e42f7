"""A log of two dozen users, prepared, and runs on it: for the tests and for what they kill."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from pocketrec.config.sections import Config
from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.manifest import KIND
from pocketrec.preparation.prepare import run_preparation
from pocketrec.storage.draft import new_folder
from pocketrec.training.distributed import ALONE
from pocketrec.training.loop import SAVE_SECONDS
from pocketrec.training.pipeline import run_training

ITEMS = 10
MODEL = {"encoder": "transformer", "dim": 16, "max_length": 8, "layers": 1}
EVERY_STEP = -1.0
"""As save_seconds: a checkpoint after every step."""
TRAINING = {"epochs": 3, "batch_labels": 40, "learning_rate": 0.01, "threads": 1, "warmup": 0.2}


def make_config(
    model: dict | None = None, exclude_seen: bool = False, buckets: int = 2, **training
) -> Config:
    data = {"path": "events.csv", "exclude_seen": exclude_seen, "repeats": "all"}
    data["buckets"] = buckets
    document = {"data": data, "model": model or MODEL, "training": TRAINING | training}
    return Config.parse(document, name="test.toml")


def prepare_world(
    folder: Path, seed: int = 0, exclude_seen: bool = False, buckets: int = 2
) -> PreparedData:
    """Users with 5 to 20 random events each."""
    random = np.random.default_rng(seed)
    rows = [
        (user, int(item), time)
        for user in range(24)
        for time, item in enumerate(random.integers(0, ITEMS, random.integers(5, 21)))
    ]
    events = pl.LazyFrame(rows, schema=["user", "item", "time"], orient="row")
    events = events.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias("order"))
    config = make_config(exclude_seen=exclude_seen, buckets=buckets)
    with new_folder(folder / "data", KIND) as draft:
        engine = LocalEngine(folder / "scratch")
        counts, _ = run_preparation(events, None, None, config, engine, draft.path)
        dumped = config.model_dump(mode="json", exclude_unset=True)
        draft.manifest |= {"config": dumped, "source": {}, "counts": counts, "features": []}
    return PreparedData.open(folder / "data")


def judge(model) -> float:
    """A score of the weights alone, so that some later epoch is the best."""
    return float((model.table.abs().mean() - model.cold_start.abs().mean()).detach())


def run(
    data,
    folder,
    config,
    *,
    resume=False,
    validate=judge,
    on_progress=None,
    on_epoch=None,
    workers=ALONE,
    save_seconds=SAVE_SECONDS,
):
    return run_training(
        config,
        data,
        folder,
        validate,
        resume=resume,
        on_progress=on_progress or (lambda _: None),
        on_epoch=on_epoch or (lambda _: None),
        workers=workers,
        save_seconds=save_seconds,
    )


def metrics_and_weights(folder):
    """All that training leaves but times: weights, and the metrics that do not depend on speed."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    timed = ("labels_per_second", "seconds")
    metrics = [{k: v for k, v in json.loads(x).items() if k not in timed} for x in lines]
    both = ("best", "last")
    weights = [(folder / "checkpoints" / f"{name}.safetensors").read_bytes() for name in both]
    return metrics, weights
