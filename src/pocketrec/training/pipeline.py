"""From prepared data to a run, as one function: `train`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..config.sections import Config
from ..conversion.exportable import check_exportable
from ..errors import ArtifactError, ConfigError
from ..evaluation.baselines import Baseline
from ..models.scorer import ModelScorer
from ..preparation.data import Part, PreparedData
from ..schema import File
from ..storage.draft import check_replaceable
from ..storage.lock import lock_folder
from .distributed import ALONE, Workers
from .folder import run_training
from .loop import EpochMetrics, Progress
from .manifest import KIND, RunManifest
from .rounds import Rounds
from .run import Run, run_fingerprint
from .validation import validation_score

LOG = logging.getLogger("pocketrec")


def train(
    config: Config,
    data: PreparedData | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
) -> Run:
    """Train a model on prepared data into the folder `out`, and open the run.

    If `out` already holds this run, finished, it is opened as it is; with `resume`, an interrupted
    run continues. `on_progress` is called after each step, `on_epoch` after each epoch. Raises
    ConfigError if the model could not be exported, before any training, or if the config asks for
    other data than was prepared, and ArtifactError if `out` holds something else.
    """
    folder = Path(out).expanduser()
    prepared = data if isinstance(data, PreparedData) else PreparedData.open(Path(data))
    _train(
        with_data(config, prepared),
        prepared,
        folder,
        ALONE,
        resume=resume,
        on_progress=on_progress,
        on_epoch=on_epoch,
    )
    return Run.open(folder)


def train_worker(
    load_config: Callable[[], Config],
    data_path: Path,
    folder: Path,
    workers: Workers,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
) -> bool:
    """One worker's part of training a run; returns False if `folder` already holds the run.

    All workers call this. The workers of a machine share the check of the prepared data's files. An
    error of one worker, in `load_config` too, ends all of them.
    """
    with workers.together():
        part = Part(workers.local_rank, workers.local_size)
        data = PreparedData.open(data_path, part=part)
        config = with_data(load_config(), data)
    return _train(
        config,
        data,
        folder,
        workers,
        resume=resume,
        on_progress=on_progress,
        on_epoch=on_epoch,
    )


def _train(
    config: Config,
    data: PreparedData,
    folder: Path,
    workers: Workers,
    *,
    resume: bool,
    on_progress: Callable[[Progress], None],
    on_epoch: Callable[[EpochMetrics], None],
) -> bool:
    with workers.together():
        finished = workers.lead and is_finished(folder, config, data)
    workers.agree("data or TOML", run_fingerprint(config, data))
    _warn_of_idle_workers(config, data, workers)
    if workers.total(finished):
        LOG.info(f"'{folder}' already holds this run, finished: nothing to do")
        return False
    with workers.together():
        # Only for a new run: a run with a manifest passed this check when it started.
        if workers.lead and not (folder / File.MANIFEST).exists():
            check_exportable(config, data.features_of(config.features))
    score = validation_score(config, data, workers)
    position = run_training(
        config,
        data,
        folder,
        lambda model: score(ModelScorer(model)),
        resume=resume,
        on_progress=on_progress,
        on_epoch=on_epoch,
        workers=workers,
    )
    popular = score(Baseline(data.item_counts.astype(np.float32)))
    if position.best_score <= popular:
        LOG.warning(
            f"the best validation NDCG@10, {position.best_score:.4f}, is not above that of a "
            f"list of popular items, {popular:.4f}: this model is of no use; try more epochs, "
            "another training.learning_rate, or more data"
        )
    return True


def _warn_of_idle_workers(config: Config, data: PreparedData, workers: Workers) -> None:
    busy = max(map(len, Rounds(data, config).shards_of_rounds(0)))
    if workers.size > busy:
        LOG.warning(
            f"of {workers.size} workers only {busy} have something to do, because only so many of "
            f"the {len(data.shards)} shards are trained at a time: prepare the data with more "
            "data.buckets, or raise training.round_events"
        )


def with_data(config: Config, data: PreparedData) -> Config:
    """The config, with [data] and [split] as they were when the data was prepared.

    Raises ConfigError if the config says otherwise: it would describe another experiment.
    """
    where = {"path", "items", "users", "buckets"}
    for section in ("data", "split"):
        asked = getattr(config, section).model_dump(exclude=where)
        prepared = getattr(data.config, section).model_dump(exclude=where)
        for key, value in asked.items():
            if value != prepared[key]:
                raise ConfigError(
                    f"{section}.{key} is {value!r}, but '{data.folder}' was prepared with "
                    f"{prepared[key]!r}: prepare again, or change the TOML"
                )
    return config.model_copy(update={"data": data.config.data, "split": data.config.split})


def is_finished(folder: Path, config: Config, data: PreparedData) -> bool:
    """Whether the folder already holds this run, finished.

    Raises ArtifactError if it holds something else, so that nothing is overwritten by mistake.
    """
    check_replaceable(folder, KIND)
    if not (folder / File.MANIFEST).exists():
        return False
    manifest = RunManifest.read(folder)
    if manifest.fingerprint != run_fingerprint(config, data):
        raise ArtifactError(
            f"'{folder}' holds a run with another config or other data: give another --out, or "
            "remove it first"
        )
    current = config.model_dump(mode="json", exclude_unset=True)
    if manifest.finished and manifest.config != current:
        # Only [export] and [evaluation] can differ. Later commands read them from the manifest.
        with lock_folder(Path(os.path.realpath(folder)), folder):
            files = [folder / name for name in manifest.files]
            manifest.model_copy(update={"config": current}).write(folder, files)
    return manifest.finished
