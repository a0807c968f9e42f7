"""pocketrec train: prepared data -> a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import needs_extra
from . import log
from .common import OUT, AsJson, ConfigPath, DataPath, Settings, print_json, say

if TYPE_CHECKING:
    from ..training.loop import EpochMetrics, Progress


def command(
    config_path: ConfigPath,
    data_path: DataPath,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the run.", **OUT)],
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Train a model; checkpoints, metrics.jsonl and TensorBoard curves go into the run's folder."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    with needs_extra("Training", "train"):
        from ..config.sections import Config
        from ..training.pipeline import train_worker
        from ..training.torchrun import join

    with join(log.error) as workers:
        if not workers.lead:
            log.only_errors()  # the lead worker reports for all
        with _bar() as on_progress:
            is_new = train_worker(
                lambda: Config.load(config_path, settings, check_sources=True),
                data_path,
                folder,
                workers,
                resume=resume,
                on_progress=on_progress,
                on_epoch=_log_epoch,
            )
    if workers.lead:
        _show(folder, as_json=as_json, is_new=is_new)


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """A bar over all epochs, with speed, loss and the best score so far."""
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        TextColumn("{task.fields[speed]:,.0f} labels/s"),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TextColumn("valid NDCG@10 {task.fields[score]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with log.bar(*columns) as bar:
        task = bar.add_task("", total=None, epoch=0, epochs="-", speed=0.0, loss=0.0, score="-")

        def show(step: Progress) -> None:
            bar.update(
                task,
                total=float(step.epochs),
                completed=step.epoch - 1 + step.step / step.steps,
                epoch=step.epoch,
                epochs=step.epochs,
                speed=step.labels_per_second,
                loss=step.loss,
                score=f"{step.best_score:.4f}" if step.best_score >= 0 else "-",
            )

        yield show


def _log_epoch(metrics: EpochMetrics) -> None:
    """Log one line for each epoch with a validation score."""
    if metrics.ndcg_at_10 is not None:
        log.info(
            f"epoch {metrics.epoch:>3}  loss {metrics.loss:.4f}  "
            f"valid NDCG@10 {metrics.ndcg_at_10:.4f}  "
            f"{metrics.labels_per_second:,.0f} labels/s",
            **asdict(metrics),
        )


def _show(folder: Path, *, as_json: bool, is_new: bool) -> None:
    from ..training.manifest import RunManifest

    manifest = RunManifest.read(folder, check_files=False)
    score = manifest.validation["ndcg@10"]
    if as_json:
        print_json(
            {
                "out": str(folder),
                "epochs": manifest.epochs,
                "best_epoch": manifest.best_epoch,
                "ndcg@10": score,
                "seconds": round(log.elapsed(), 1) if is_new else None,
            }
        )
    else:
        say(
            f"best validation NDCG@10 {score:.4f} at epoch {manifest.best_epoch} of "
            f"{manifest.epochs}: {folder}"
        )
    log.finish(
        wrote=folder if is_new else None,
        then=["pocketrec", "export", folder, "--out", f"bundles/{folder.resolve().name}"],
    )
