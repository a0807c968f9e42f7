"""The training loop: it learns from every position, stops early and resumes at any step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..config.training import TrainingConfig
from ..models.recommender import RecommenderModel
from ..schema import File
from .batches import Batch, Batches
from .checkpoint import Position, load_checkpoint, random_state, save_checkpoint
from .distributed import ALONE, Workers, step_generator
from .losses import make_loss
from .rounds import Rounds
from .step import BatchLoss, learning_rate, make_optimizer, precision, set_learning_rate, train_step

SAVE_SECONDS = 60.0
"""Longest time between checkpoints, so an interruption loses no more work than this."""

Validate = Callable[[RecommenderModel], float]
"""Returns the NDCG@10 of a model (in evaluation mode) on the validation targets."""


@dataclass(frozen=True)
class Progress:
    """What a progress bar shows; `epoch` counts from 1."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    labels_per_second: float
    best_score: float


@dataclass(frozen=True)
class EpochMetrics:
    """One line of metrics.jsonl."""

    epoch: int
    loss: float
    learning_rate: float
    labels_per_second: float
    seconds: float
    ndcg_at_10: float | None


def train_model(
    model: RecommenderModel,
    batches: Batches | Rounds,
    validate: Validate,
    config: TrainingConfig,
    checkpoints: Path,
    *,
    resume: bool = False,
    workers: Workers = ALONE,
    save_seconds: float = SAVE_SECONDS,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
) -> Position:
    """Train until all epochs are done or `patience` validations in a row brought no improvement.

    Writes last.safetensors, at least every `save_seconds`, and best.safetensors into
    `checkpoints`; `model` ends with the best weights. With `resume`, training continues from the
    last checkpoint. With as many workers on the same kind of device, the weights are then bit for
    bit those of an uninterrupted run.

    With several workers, each calls this with the same initial model and gets the same position.
    All of them call `validate`, which must return the same score to each; only the lead reads and
    writes checkpoints.
    """
    counts = batches.counts(model.item_count)
    training = _Training(model, config, counts, checkpoints, workers, save_seconds, resume=resume)
    while not training.is_done:
        epoch = training.run_epoch(batches, on_progress)
        score = training.validate(validate)
        rate = learning_rate(config, training.position.epoch / config.epochs)
        speed = epoch.labels_per_second
        on_epoch(
            EpochMetrics(
                training.position.epoch, epoch.mean_loss, rate, speed, epoch.seconds, score
            )
        )
        training.save(training.last)
    load_checkpoint(training.best, model, workers=workers)
    model.eval()
    return training.position


@dataclass(frozen=True)
class _EpochOutcome:
    """What was measured while an epoch was trained."""

    mean_loss: float
    seconds: float
    labels_per_second: float


class _Training:
    """A training in progress: the model, its optimizer, and the position reached so far."""

    def __init__(
        self,
        model: RecommenderModel,
        config: TrainingConfig,
        item_counts: NDArray[np.int64],
        checkpoints: Path,
        workers: Workers,
        save_seconds: float,
        *,
        resume: bool,
    ) -> None:
        self.model, self.config, self.workers = model, config, workers
        self.device, self.save_seconds = model.device, save_seconds
        dtype = precision(config, self.device)
        self.loss_of = make_loss(config, torch.tensor(item_counts), dtype)
        self.last, self.best = checkpoints / File.LAST, checkpoints / File.BEST
        self.optimizer = make_optimizer(model, config)
        self.position = Position()
        if workers.lead:
            checkpoints.mkdir(parents=True, exist_ok=True)
        # `total` tells every worker what only the lead can see: whether there is a checkpoint.
        if resume and workers.total(workers.lead and self.last.exists()):
            self.position = load_checkpoint(self.last, model, self.optimizer, workers)
        mixed = self.device.type == "cuda" and dtype != torch.float32
        self.module = BatchLoss(model, self.loss_of, workers, dtype if mixed else None)
        self._saved_at = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether all epochs are done, or validation has stopped improving."""
        return (
            self.position.epoch >= self.config.epochs or self.position.stale >= self.config.patience
        )

    def run_epoch(
        self, batches: Batches | Rounds, on_progress: Callable[[Progress], None]
    ) -> _EpochOutcome:
        """Train the epoch, or what an interruption left of it, and move the position past it."""
        started = time.monotonic()
        epoch, planned = self.position.epoch, batches.epoch(self.position.epoch)
        # The mean loss covers the whole epoch; the speed, only what was trained since a resume.
        labels, timed_labels = planned.labels_before(self.position.step), 0
        self.model.train()
        for batch in planned.after(self.position.step):
            self._step(batch, len(planned))
            labels += batch.label_count
            timed_labels += batch.label_count
            speed = timed_labels / (time.monotonic() - started)
            on_progress(self._progress(len(planned), self.position.loss_sum / labels, speed))
            self._save_if_due()
        seconds = time.monotonic() - started
        mean_loss = self.position.loss_sum / labels
        self.position = replace(self.position, epoch=epoch + 1, step=0, loss_sum=0.0)
        return _EpochOutcome(mean_loss, seconds, timed_labels / max(seconds, 1e-9))

    def _step(self, batch: Batch, steps: int) -> None:
        """Train on one batch of an epoch of `steps`, and move the position past it."""
        position, config = self.position, self.config
        progress = (position.epoch + position.step / steps) / config.epochs
        set_learning_rate(self.optimizer, config, progress)
        generator = step_generator(config.seed, position.epoch, position.step)
        loss = train_step(
            self.model,
            self.optimizer,
            batch.to(self.device),
            config.gradient_clip,
            self.loss_of,
            generator,
            self.module,
        )
        self.position = replace(
            position,
            step=position.step + 1,
            loss_sum=position.loss_sum + loss * batch.label_count,
        )

    def _progress(self, steps: int, mean_loss: float, speed: float) -> Progress:
        at = self.position
        epochs = self.config.epochs
        return Progress(at.epoch + 1, epochs, at.step, steps, mean_loss, speed, at.best_score)

    def validate(self, validate: Validate) -> float | None:
        """The score of the epoch just done, if it is due; a new best is saved."""
        epoch = self.position.epoch
        if epoch % self.config.validate_every != 0 and epoch != self.config.epochs:
            return None
        self.model.eval()
        score = validate(self.model)
        self.position = _with_score(self.position, score)
        if self.position.best_epoch == epoch:
            self._write(self.best)
        return score

    def save(self, path: Path) -> None:
        """Write a checkpoint, and count `save_seconds` from now."""
        self._write(path)
        self._saved_at = time.monotonic()

    def _save_if_due(self) -> None:
        # The lead's clock decides: workers that disagreed would wait for each other forever.
        is_due = self.workers.lead and time.monotonic() - self._saved_at > self.save_seconds
        if self.workers.total(is_due):
            self.save(self.last)

    def _write(self, path: Path) -> None:
        """Write a checkpoint with the random states of all workers, which all must call."""
        states = self.workers.gather(random_state(self.device).numpy())
        if self.workers.lead:
            random = [torch.from_numpy(state.copy()) for state in states]
            save_checkpoint(path, self.model, self.optimizer, self.position, random)


def _with_score(position: Position, score: float) -> Position:
    """The position after a validation: a new best, or one more without improvement."""
    if score > position.best_score:
        return replace(position, best_score=score, best_epoch=position.epoch, stale=0)
    return replace(position, stale=position.stale + 1)
