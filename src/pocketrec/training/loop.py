"""The training loop: every position of every window, early stopping, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..config import TrainingConfig
from ..errors import ConfigError, DataError
from ..models.recommender import RecommenderModel
from ..schema import PADDING, File
from .batches import Batch, Batches
from .checkpoint import Position, load_checkpoint, save_checkpoint
from .losses import Loss, full_softmax, make_loss

SAVE_SECONDS = 60.0
"""At most this much work is lost to an interruption, however long an epoch is."""

Validate = Callable[[RecommenderModel], float]
"""NDCG@10 of a model (in evaluation mode) on the validation targets."""


@dataclass(frozen=True)
class Progress:
    """What a progress bar shows; `epoch` counts from 1."""

    epoch: int
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


def train(
    model: RecommenderModel,
    batches: Batches,
    validate: Validate,
    config: TrainingConfig,
    checkpoints: Path,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
) -> Position:
    """Train until the epochs are done or `patience` measurements brought nothing better.

    `checkpoints` gets last.safetensors (at least once a minute) and best.safetensors; `model`
    ends with the best weights. With `resume` it goes on from the last checkpoint, to weights
    that are bit for bit those of an uninterrupted run.
    """
    counts = torch.from_numpy(batches.sequences.counts(model.item_count))
    loss_of = make_loss(config, counts, _precision(config))
    checkpoints.mkdir(parents=True, exist_ok=True)
    last, best = checkpoints / File.LAST, checkpoints / File.BEST
    optimizer = make_optimizer(model, config)
    position = Position()
    if resume and last.exists():
        position = load_checkpoint(last, model, optimizer)
    saved = time.monotonic()
    while position.epoch < config.epochs and position.stale < config.patience:
        started = time.monotonic()
        epoch, planned = position.epoch, batches.epoch(position.epoch)
        steps = len(planned)
        labels, timed_labels = planned.labels_before(position.step), 0
        model.train()
        for batch in planned.after(position.step):
            progress = (epoch + position.step / steps) / config.epochs
            _set_learning_rate(optimizer, config, progress)
            loss = train_step(model, optimizer, batch, config.gradient_clip, loss_of)
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
                Progress(epoch + 1, position.step, steps, mean_loss, speed, position.best_score)
            )
            if time.monotonic() - saved > SAVE_SECONDS:
                save_checkpoint(last, model, optimizer, position)
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
                save_checkpoint(best, model, optimizer, position)
        rate = learning_rate(config, position.epoch / config.epochs)
        speed = timed_labels / max(seconds, 1e-9)
        metrics = EpochMetrics(position.epoch, mean_loss, rate, speed, seconds, score)
        on_epoch(metrics)
        save_checkpoint(last, model, optimizer, position)
        saved = time.monotonic()
    load_checkpoint(best, model)
    model.eval()
    return position


def train_step(
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    loss_of: Loss = full_softmax,
) -> float:
    """One step of the optimizer; returns the batch's mean loss in nats per label."""
    table = model.table
    states = model.states(batch.item_id, batch.rows, table)  # (B, L, D)
    kept = batch.labels != PADDING  # (B, L)
    starts = model.starts(batch.item_id, batch.rows)  # (B, D)
    rows = torch.cat([states[kept], starts])  # (N + B, D)
    labels = torch.cat([batch.labels[kept], batch.start_labels])
    loss = loss_of(rows / model.config.temperature, table, labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), gradient_clip)
    optimizer.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise DataError(f"the loss became {value}: lower training.learning_rate")
    return value


def make_optimizer(model: RecommenderModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter, 2019); vectors and the tables of embeddings do not decay."""

    def decays(name: str, parameter: Tensor) -> bool:
        return parameter.ndim >= 2 and "table" not in name and "position" not in name

    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n, p)], "weight_decay": config.weight_decay},
        {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Rate at a share `progress` in [0, 1] of all steps: linear warm-up, then the schedule."""
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 1e-3)
    if config.schedule == "constant":
        return config.learning_rate
    rest = (progress - config.warmup) / (1 - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * rest)))


def _set_learning_rate(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, progress: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, progress)


def _judge(position: Position, score: float) -> Position:
    if score > position.best_score:
        return replace(position, best_score=score, best_epoch=position.epoch, stale=0)
    return replace(position, stale=position.stale + 1)


def _precision(config: TrainingConfig) -> torch.dtype:
    if config.precision == "float32":
        return torch.float32
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise ConfigError(
            "training.precision = 'bfloat16' needs a CPU with bfloat16 products (AVX-512 BF16 or "
            "AMX), which this one has not: use 'float32'"
        )
    return torch.bfloat16
