"""pocketrec train: prepared data -> a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import ConfigError, needs_extra
from . import log
from .common import OUT, AsJson, ConfigPath, DataPath, Settings, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config.sections import Config
    from ..evaluation.protocol import Scorer
    from ..preparation.data import PreparedData
    from ..training.distributed import Workers
    from ..training.loop import EpochMetrics, Progress


def command(
    config_path: ConfigPath,
    data_path: DataPath,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the run.", **OUT)],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run.")
    ] = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Train a model; checkpoints, metrics.jsonl and TensorBoard curves go into the run's folder."""
    with needs_extra("Training", "train"):
        from ..config.load import load_config
        from ..preparation.data import Part, PreparedData
        from ..training.distributed import join
        from ..training.rounds import Rounds
        from ..training.run import is_finished, run_fingerprint

    with join(log.error) as workers:
        if not workers.lead:
            log.only_errors()  # the lead speaks for all
        with workers.together():
            # The workers of each machine check its files between them.
            part = Part(workers.local_rank, workers.local_size)
            data = PreparedData.open(data_path, part=part)
            config = with_data(load_config(config_path, settings), data)
            finished = workers.lead and is_finished(folder, config, data)
        workers.agree("data or TOML", run_fingerprint(config, data))
        together = max(map(len, Rounds(data, config).shards_of_rounds(0)))
        if workers.size > together:
            log.warning(
                f"of {workers.size} workers only {together} have something to do, for so many of "
                f"the {len(data.shards)} shards are trained at a time: prepare the data with more "
                "data.buckets, or raise training.round_events"
            )
        if workers.total(finished):
            log.info(f"'{folder}' already holds this run, finished: nothing to do")
            is_new = False
        else:
            _train(config, data, folder, workers, resume=resume)
            is_new = True
    if workers.lead:
        _show(folder, as_json=as_json, is_new=is_new)


def _train(
    config: Config, data: PreparedData, folder: Path, workers: Workers, *, resume: bool
) -> None:
    """Train, with a bar, a line an epoch, and at the end a word on models that are of no use."""
    from ..evaluation.baselines import Baseline
    from ..models.scorer import ModelScorer
    from ..training.run import run_training

    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        TextColumn("{task.fields[speed]:,.0f} labels/s"),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TextColumn("valid NDCG@10 {task.fields[score]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    epochs = config.training.epochs
    score = make_score(config, data, workers)
    with log.bar(*columns) as bar:
        task = bar.add_task(
            "", total=float(epochs), epoch=0, epochs=epochs, speed=0.0, loss=0.0, score="-"
        )

        def on_progress(step: Progress) -> None:
            bar.update(
                task,
                completed=step.epoch - 1 + step.step / step.steps,
                epoch=step.epoch,
                speed=step.labels_per_second,
                loss=step.loss,
                score=f"{step.best_score:.4f}" if step.best_score >= 0 else "-",
            )

        def on_epoch(metrics: EpochMetrics) -> None:
            if metrics.ndcg_at_10 is not None:
                log.info(
                    f"epoch {metrics.epoch:>3}  loss {metrics.loss:.4f}  "
                    f"valid NDCG@10 {metrics.ndcg_at_10:.4f}  "
                    f"{metrics.labels_per_second:,.0f} labels/s",
                    **asdict(metrics),
                )

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
        log.warning(
            f"the best validation NDCG@10, {position.best_score:.4f}, is not above that of a list "
            f"of what is popular, {popular:.4f}: such a model is of no use; try more epochs, "
            "another training.learning_rate, or more data"
        )


def _show(folder: Path, *, as_json: bool, is_new: bool) -> None:
    from ..storage.artifact import open_manifest
    from ..training.run import KIND

    manifest = open_manifest(folder, KIND, check_files=False)
    epochs, best = manifest["epochs"], manifest["best_epoch"]
    score = manifest["validation"]["ndcg@10"]
    if as_json:
        seconds = round(log.elapsed(), 1) if is_new else None
        result = {"epochs": epochs, "best_epoch": best, "ndcg@10": score, "seconds": seconds}
        print_json({"out": str(folder), **result})
    else:
        say(f"best validation NDCG@10 {score:.4f} at epoch {best} of {epochs}: {folder}")
    log.finish(
        wrote=folder if is_new else None,
        then=["pocketrec", "export", folder, "--out", f"bundles/{folder.resolve().name}"],
    )


def with_data(config: Config, data: PreparedData) -> Config:
    """The config, with [data] and [split] as they were when the data were prepared.

    Raises ConfigError where the TOML says otherwise: it would describe another experiment.
    """
    for section in ("data", "split"):
        asked = getattr(config, section).model_dump(exclude={"path", "items", "buckets"})
        prepared = getattr(data.config, section).model_dump(exclude={"path", "items", "buckets"})
        for key, value in asked.items():
            if value != prepared[key]:
                raise ConfigError(
                    f"{section}.{key} is {value!r}, but '{data.folder}' was prepared with "
                    f"{prepared[key]!r}: prepare again, or change the TOML"
                )
    return config.model_copy(update={"data": data.config.data, "split": data.config.split})


def make_score(config: Config, data: PreparedData, workers: Workers) -> Callable[[Scorer], float]:
    """NDCG@10 by full ranking of (at most `validate_users`) validation targets.

    Each worker ranks a part of them, and all get the score of the whole.
    """
    from ..evaluation.protocol import rank_all
    from ..evaluation.summary import user_values
    from ..preparation.data import Part

    features = data.features_of(config.features)
    part = Part(workers.rank, workers.size)
    targets = data.targets("valid", config.training.validate_users, features=features, of=part)

    def score(scorer: Scorer) -> float:
        ranking = rank_all(
            scorer,
            targets,
            item_count=data.item_count,
            k=10,
            exclude_seen=config.data.exclude_seen,
        )
        own = user_values(ranking, "ndcg@10", data.item_count)
        return float(np.concatenate(workers.gather(own)).mean())

    return score
