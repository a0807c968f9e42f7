"""A run's folder: what was trained on what, its checkpoints, metrics and curves."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch

from ..config.load import parse_config
from ..config.sections import Config
from ..errors import ArtifactError, needs_extra
from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..preparation.attributes import read_attributes
from ..preparation.data import PreparedData
from ..schema import File
from ..storage.artifact import fingerprint, open_manifest, write_atomically, write_manifest
from ..storage.draft import check_replaceable, remove_leftovers
from ..storage.lock import lock_folder
from .checkpoint import Position, load_checkpoint
from .distributed import ALONE, Workers, own_seed
from .loop import EpochMetrics, Progress, Validate, train
from .memory import keep_freed_memory
from .rounds import Rounds

KIND = "run"
NEEDED = ("finished", "fingerprint", "config", "data", "features", "files")
COUNTS = ("read", "kept", "items", "training_events", "cuts")
"""What a run, and a bundle made of it, tell of the preparation."""


@dataclass(frozen=True)
class Run:
    """A finished run, opened; `model` holds the best weights, in evaluation mode."""

    folder: Path
    manifest: dict[str, Any]
    config: Config
    catalogue: pl.DataFrame
    model: RecommenderModel

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Check hashes and load; raises ArtifactError for an unfinished or damaged run."""
        manifest = open_manifest(folder, KIND, needs=NEEDED)
        if not manifest["finished"]:
            raise ArtifactError(f"'{folder}' is not finished: train it with --resume first")
        config = parse_config(manifest["config"], name=f"{folder}/{File.MANIFEST}")
        catalogue = pl.read_parquet(folder / File.ITEMS_TABLE, glob=False)
        attributes = read_attributes(catalogue, config.features.item)
        features = [Feature.from_json(entry) for entry in manifest["features"]]
        model = RecommenderModel(catalogue.height, config.model, attributes, features).eval()
        load_checkpoint(folder / File.CHECKPOINTS / File.BEST, model)
        return cls(folder, manifest, config, catalogue, model)

    @property
    def data_folder(self) -> Path:
        """Where the data lay when the run was started."""
        return self.folder / str(self.manifest["data"]["folder"])

    def provenance(self) -> dict[str, Any]:
        """What a bundle tells of its making: data and training, no paths."""
        data = {key: value for key, value in self.manifest["data"].items() if key != "folder"}
        keys = ("parameters", "epochs", "best_epoch", "validation", "labels_per_epoch", "torch")
        return {"data": data, "training": {key: self.manifest[key] for key in keys}}


def is_finished(folder: Path, config: Config, data: PreparedData) -> bool:
    """Whether the folder already holds this very run.

    Raises ArtifactError when it holds something else, so that nothing is overwritten by mistake.
    """
    check_replaceable(folder, KIND)
    if not (folder / File.MANIFEST).exists():
        return False
    manifest = open_manifest(folder, KIND, needs=NEEDED)
    if manifest["fingerprint"] != run_fingerprint(config, data):
        raise ArtifactError(
            f"'{folder}' holds a run with another config or other data: give another --out, or "
            "remove it first"
        )
    current = config.model_dump(mode="json", exclude_unset=True)
    if manifest["finished"] and manifest["config"] != current:
        # What is left to differ, [export] and [evaluation], is read from here later on.
        files = [folder / name for name in manifest.pop("files")]
        with lock_folder(Path(os.path.realpath(folder)), folder):
            write_manifest(folder, KIND, manifest | {"config": current}, files=files)
    return bool(manifest["finished"])


def run_training(
    config: Config,
    data: PreparedData,
    folder: Path,
    validate: Validate,
    *,
    resume: bool,
    on_progress: Callable[[Progress], None],
    on_epoch: Callable[[EpochMetrics], None],
    workers: Workers = ALONE,
) -> Position:
    """Train into `folder`; with `resume` go on where it was interrupted.

    Of several `workers` all call this, and the lead is the one that touches the folder. Raises
    ArtifactError when an unfinished run is there and `resume` was not asked for, and when
    another process trains into the same folder.
    """
    folder = Path(os.path.realpath(folder))
    with ExitStack() as stack:
        with workers.together():
            if workers.lead:
                stack.enter_context(lock_folder(folder, folder))
                _check_resumable(folder, resume=resume)
        features = data.features_of(config.features)
        rounds = Rounds(data, config, features, workers)
        if workers.device.type == "cpu":
            keep_freed_memory()
        if (threads := workers.threads(config.training.threads)) is not None:
            torch.set_num_threads(threads)
        model = _new_model(config, data, features, rounds, workers)
        manifest = {
            "finished": False,
            "fingerprint": run_fingerprint(config, data),
            "config": config.model_dump(mode="json", exclude_unset=True),
            "data": {
                "fingerprint": data.fingerprint,
                "folder": os.path.relpath(data.folder, folder),
                "source": data.manifest["source"],
                # Not all: what is said of oddities quotes ids of users, and this ends in bundles.
                "counts": {name: data.manifest["counts"][name] for name in COUNTS},
            },
            "features": [feature.to_json() for feature in features],
            "parameters": sum(p.numel() for p in model.parameters()),
            "labels_per_epoch": rounds.labels_per_epoch,
            "torch": torch.__version__,
        }
        log = stack.enter_context(_Log(folder))
        if workers.lead:
            # The manifest first: from here on an interrupted run is known for what it is.
            write_manifest(folder, KIND, manifest, files=[])
            table = io.BytesIO()
            data.catalogue.write_parquet(table)
            write_atomically(folder / File.ITEMS_TABLE, table.getvalue())

        def log_epoch(metrics: EpochMetrics) -> None:
            if workers.lead:
                log.write(metrics)
                on_epoch(metrics)

        position = train(
            model,
            rounds,
            validate,
            config.training,
            folder / File.CHECKPOINTS,
            resume=resume,
            workers=workers,
            on_progress=on_progress,
            on_epoch=log_epoch,
        )
        if workers.lead:
            manifest |= {
                "finished": True,
                "epochs": position.epoch,
                "best_epoch": position.best_epoch,
                "validation": {"ndcg@10": position.best_score},
            }
            best = folder / File.CHECKPOINTS / File.BEST
            write_manifest(folder, KIND, manifest, files=[folder / File.ITEMS_TABLE, best])
    return position


def _check_resumable(folder: Path, *, resume: bool) -> None:
    remove_leftovers(folder)
    if (folder / File.MANIFEST).exists() and not resume:
        raise ArtifactError(
            f"'{folder}' holds an unfinished run: add --resume to go on with it, or remove it"
        )


def _new_model(
    config: Config,
    data: PreparedData,
    features: Sequence[Feature],
    rounds: Rounds,
    workers: Workers,
) -> RecommenderModel:
    """A model of fresh weights, the same at each worker, on the worker's device."""
    torch.manual_seed(config.training.seed)
    attributes = read_attributes(data.catalogue, config.features.item)
    model = RecommenderModel(data.item_count, config.model, attributes, features)
    if model.successors is not None:
        if workers.lead:
            # Of a log in several rounds those of the first stand for all.
            shards = rounds.shards_of_rounds(0)[0]
            sequences = (
                data.training((), shards) if workers.size > 1 else rounds.batches(shards).sequences
            )
            model.successors.count(sequences, config.model.min_successor_users)
        ids = model.successors.ids
        counted = workers.from_lead(ids.numpy().tobytes())
        ids.copy_(torch.frombuffer(bytearray(counted), dtype=ids.dtype).view(ids.shape))
    if workers.rank:
        torch.manual_seed(own_seed(workers, config.training.seed))
    return model.to(workers.device)


def run_fingerprint(config: Config, data: PreparedData) -> str:
    """Hash of what decides what a run ends in; how many workers train it is none of that."""
    sections = [getattr(config, name).model_dump() for name in ("features", "model", "training")]
    # Seen items are hidden when epochs are judged, so that this decides which one is the best.
    return fingerprint(*sections, data.fingerprint, data.config.data.exclude_seen)


class _Log:
    """metrics.jsonl and TensorBoard, one entry an epoch."""

    def __init__(self, folder: Path) -> None:
        with needs_extra("Training", "train"):
            from torch.utils.tensorboard import SummaryWriter
        self.path = folder / File.METRICS
        self._open = partial(SummaryWriter, str(folder / File.TENSORBOARD))
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, metrics: EpochMetrics) -> None:
        """Add a line; those of epochs that an interruption made be trained again go."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["epoch"] < metrics.epoch]
        entry = asdict(metrics)
        content = "\n".join([*kept, json.dumps(entry)]) + "\n"
        write_atomically(self.path, content.encode())
        if self._writer is None:
            self._writer = self._open(purge_step=metrics.epoch)
        for name, value in entry.items():
            if name != "epoch" and value is not None:
                self._writer.add_scalar(name, value, metrics.epoch)
        self._writer.flush()
