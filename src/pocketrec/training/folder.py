"""Train into a run's folder: its lock, manifest, item table, checkpoints and metrics."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from ..config.sections import Config
from ..errors import ArtifactError
from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..preparation.attributes import read_attributes
from ..preparation.data import PreparedData
from ..schema import File
from ..storage.artifact import write_atomically
from ..storage.draft import remove_leftovers
from ..storage.lock import lock_folder
from .checkpoint import Position
from .distributed import ALONE, Workers, own_seed
from .loop import SAVE_SECONDS, EpochMetrics, Progress, Validate, train_model
from .manifest import DataCounts, RunManifest, TrainingData
from .memory import keep_freed_memory
from .metrics_log import MetricsLog
from .rounds import Rounds
from .run import run_fingerprint


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
    save_seconds: float = SAVE_SECONDS,
) -> Position:
    """Train into `folder`; with `resume`, continue where it was interrupted.

    All `workers` call this; only the lead touches the folder. Raises ArtifactError when the folder
    holds an unfinished run and `resume` is False, and when another process trains into it.
    """
    folder = Path(os.path.realpath(folder))
    with ExitStack() as stack:
        with workers.together():
            if workers.lead:
                stack.enter_context(lock_folder(folder, folder))
                _check_resumable(folder, resume=resume)
        features = data.features_of(config.features)
        rounds = Rounds(data, config, features, workers)
        _set_up_torch(config, workers)
        model = _new_model(config, data, features, rounds, workers)
        manifest = _manifest(config, data, folder, model, rounds)
        log = stack.enter_context(MetricsLog(folder))
        if workers.lead:
            _begin(folder, manifest, data)

        def log_epoch(metrics: EpochMetrics) -> None:
            if workers.lead:
                log.write(metrics)
                on_epoch(metrics)

        position = train_model(
            model,
            rounds,
            validate,
            config.training,
            folder / File.CHECKPOINTS,
            resume=resume,
            workers=workers,
            save_seconds=save_seconds,
            on_progress=on_progress,
            on_epoch=log_epoch,
        )
        if workers.lead:
            _finish(folder, manifest, position)
    return position


def _check_resumable(folder: Path, *, resume: bool) -> None:
    remove_leftovers(folder)
    if (folder / File.MANIFEST).exists() and not resume:
        raise ArtifactError(
            f"'{folder}' holds an unfinished run: add --resume to continue it, or remove it"
        )


def _set_up_torch(config: Config, workers: Workers) -> None:
    if workers.device.type == "cpu":
        keep_freed_memory()
    if (threads := workers.threads(config.training.threads)) is not None:
        torch.set_num_threads(threads)


def _manifest(
    config: Config, data: PreparedData, folder: Path, model: RecommenderModel, rounds: Rounds
) -> RunManifest:
    """The manifest of a run that starts now."""
    counts = data.manifest.counts.model_dump(include=set(DataCounts.model_fields))
    return RunManifest(
        finished=False,
        fingerprint=run_fingerprint(config, data),
        config=config.model_dump(mode="json", exclude_unset=True),
        data=TrainingData(
            fingerprint=data.fingerprint,
            folder=os.path.relpath(data.folder, folder),
            source=data.manifest.source,
            counts=DataCounts.model_validate(counts),
        ),
        features=[feature.to_json() for feature in model.features],
        parameters=sum(p.numel() for p in model.parameters()),
        labels_per_epoch=rounds.labels_per_epoch,
        torch=torch.__version__,
    )


def _begin(folder: Path, manifest: RunManifest, data: PreparedData) -> None:
    """Write the manifest, which marks the folder as an unfinished run, then the item table."""
    manifest.write(folder, [])
    table = io.BytesIO()
    data.catalogue.write_parquet(table)
    write_atomically(folder / File.ITEMS_TABLE, table.getvalue())


def _finish(folder: Path, manifest: RunManifest, position: Position) -> None:
    outcome = {
        "finished": True,
        "epochs": position.epoch,
        "best_epoch": position.best_epoch,
        "validation": {"ndcg@10": position.best_score},
    }
    best = folder / File.CHECKPOINTS / File.BEST
    manifest.model_copy(update=outcome).write(folder, [folder / File.ITEMS_TABLE, best])


def _new_model(
    config: Config,
    data: PreparedData,
    features: Sequence[Feature],
    rounds: Rounds,
    workers: Workers,
) -> RecommenderModel:
    """A model with initial weights, the same at every worker, on the worker's device."""
    torch.manual_seed(config.training.seed)
    attributes = read_attributes(data.catalogue, config.features.item)
    model = RecommenderModel(data.item_count, config.model, attributes, features)
    if model.successors is not None:
        if workers.lead:
            # If the log takes several rounds, successors are counted in the first only.
            shards = rounds.shards_of_rounds(0)[0]
            sequences = (
                data.training((), shards) if workers.size > 1 else rounds.batches(shards).sequences
            )
            model.successors.count(sequences, config.model.min_successor_users)
        # Only the lead counts; the others copy its table.
        ids = model.successors.ids
        counted = workers.from_lead(ids.numpy().tobytes())
        ids.copy_(torch.frombuffer(bytearray(counted), dtype=ids.dtype).view(ids.shape))
    # After the weights, which must be equal, so that dropout differs between workers.
    if workers.rank:
        torch.manual_seed(own_seed(workers, config.training.seed))
    return model.to(workers.device)
