"""The training loop: every position of every window, early stopping, resumable at any step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..config.training import TrainingConfig
from ..models.recommender import RecommenderModel
from ..schema import File
from .batches import Batches
from .checkpoint import Position, load_checkpoint, random_state, save_checkpoint
from .distributed import ALONE, Workers, step_generator
from .losses import make_loss
from .rounds import Rounds
from .step import BatchLoss, learning_rate, make_optimizer, precision, set_learning_rate, train_step

SAVE_SECONDS = 60.0
"""At most this much work is lost to an interruption, however long an epoch is."""

Validate = Callable[[RecommenderModel], float]
"""NDCG@10 of a model (in evaluation mode) on the validation targets."""


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
    """Train until the epochs are done or `patience` measurements brought nothing better.

    `checkpoints` gets last.safetensors, at least every `save_seconds`, and best.safetensors;
    `model` ends with the best weights. With `resume` it goes on from the last checkpoint, to
    weights that are bit for bit those of an uninterrupted run, by as many workers on like devices.

    Of several workers each calls this with a model that begins alike, and gets the same position.
    `validate` is called by all of them, and has to give all the same; the lead alone reads and
    writes checkpoints.
    """
    device = model.device
    counts = torch.tensor(batches.counts(model.item_count))
    dtype = precision(config, device)
    loss_of = make_loss(config, counts, dtype)
    last, best = checkpoints / File.LAST, checkpoints / File.BEST
    optimizer = make_optimizer(model, config)
    position = Position()
    if workers.lead:
        checkpoints.mkdir(parents=True, exist_ok=True)
    if resume and workers.total(workers.lead and last.exists()):
        position = load_checkpoint(last, model, optimizer, workers)
    mixed = device.type == "cuda" and dtype != torch.float32
    module = BatchLoss(model, loss_of, workers, dtype if mixed else None)

    def save(path: Path) -> None:
        states = workers.gather(random_state(device).numpy())
        if workers.lead:
            random = [torch.from_numpy(state.copy()) for state in states]
            save_checkpoint(path, model, optimizer, position, random)

    saved = time.monotonic()
    while position.epoch < config.epochs and position.stale < config.patience:
        started = time.monotonic()
        epoch, planned = position.epoch, batches.epoch(position.epoch)
        steps = len(planned)
        labels, timed_labels = planned.labels_before(position.step), 0
        model.train()
        for batch in planned.after(position.step):
            progress = (epoch + position.step / steps) / config.epochs
            set_learning_rate(optimizer, config, progress)
            chance = step_generator(config.seed, epoch, position.step)
            here = batch.to(device)
            loss = train_step(model, optimizer, here, config.gradient_clip, loss_of, chance, module)
            labels += batch.label_count
            timed_labels += batch.label_count
            position = replace(
                position,
                step=position.step + 1,
                loss_sum=position.loss_sum + loss * batch.label_count,
            )
            speed = timed_labels / (time.monotonic() - started)
            mean_loss = position.loss_sum / labels
            on_progress(
                Progress(
                    epoch + 1,
                    config.epochs,
                    position.step,
                    steps,
                    mean_loss,
                    speed,
                    position.best_score,
                )
            )
            # The clock that counts is the lead's.
            if workers.total(workers.lead and time.monotonic() - saved > save_seconds):
                save(last)
                saved = time.monotonic()
        seconds = time.monotonic() - started
        mean_loss = position.loss_sum / labels
        position = replace(position, epoch=epoch + 1, step=0, loss_sum=0.0)
        score = None
        if position.epoch % config.validate_every == 0 or position.epoch == config.epochs:
            model.eval()
            score = validate(model)
            position = _judge(position, score)
            if position.best_epoch == position.epoch:
                save(best)
        rate = learning_rate(config, position.epoch / config.epochs)
        speed = timed_labels / max(seconds, 1e-9)
        metrics = EpochMetrics(position.epoch, mean_loss, rate, speed, seconds, score)
        on_epoch(metrics)
        save(last)
        saved = time.monotonic()
    load_checkpoint(best, model, workers=workers)
    model.eval()
    return position


def _judge(position: Position, score: float) -> Position:
    if score > position.best_score:
        return replace(position, best_score=score, best_epoch=position.epoch, stale=0)
    return replace(position, stale=position.stale + 1)
