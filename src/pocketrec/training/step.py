"""One step of training: the loss of a batch, its gradient, and what the optimizer makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from ..config import TrainingConfig
from ..errors import ConfigError, DataError
from ..models.recommender import RecommenderModel
from ..schema import PADDING
from .batches import Batch
from .losses import DrawnLoss, Loss, full_softmax
from .negatives import small_catalogue
from .sparse_adam import SparseAdamW


def train_step(
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    loss_of: Loss = full_softmax,
    generator: torch.Generator | None = None,
) -> float:
    """One step of the optimizer; returns the batch's mean loss in nats per label.

    `generator` draws the items of a `DrawnLoss`; without one torch's own does.
    """
    optimizer.zero_grad(set_to_none=True)
    loss = batch_loss(model, batch, loss_of, generator)
    loss.backward()  # type: ignore[no-untyped-call]
    clip(model.parameters(), gradient_clip)
    optimizer.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise DataError(f"the loss became {value}: lower training.learning_rate")
    return value


def batch_loss(
    model: RecommenderModel,
    batch: Batch,
    loss_of: Loss,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean loss of a batch's labels, in nats.

    With a `DrawnLoss` the model sees a small catalogue only, the items of the batch and the drawn
    ones; the gradient of its item table is sparse, and the time does not depend on V.
    """
    labels = torch.cat([batch.labels[batch.labels != PADDING], batch.start_labels])  # (N + B,)
    if not isinstance(loss_of, DrawnLoss):
        table = model.table
        return loss_of(_states(model, batch, batch.item_id, table), table, labels)
    drawn = loss_of.draw(labels, generator)
    chosen, renamed = small_catalogue(batch.item_id, labels, drawn.item_id)
    item_id, labels, negatives = renamed
    table = model.items(chosen)
    states = _states(model, batch, item_id, table)
    return loss_of.of(states, table, labels, replace(drawn, item_id=negatives))


def _states(model: RecommenderModel, batch: Batch, item_id: Tensor, table: Tensor) -> Tensor:
    """What has a label: states after each event, then before the first -> (N + B, D)."""
    states = model.states(item_id, batch.rows, table)  # (B, L, D)
    starts = model.starts(item_id, batch.rows)  # (B, D)
    rows = torch.cat([states[batch.labels != PADDING], starts])
    return rows / model.config.temperature


def clip(parameters: Iterable[Tensor], limit: float) -> None:
    """Scale all gradients down together, so that their norm is at most `limit`.

    As torch.nn.utils.clip_grad_norm_, which knows no sparse gradients.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # one entry a row: only so is it a norm
            gradients.append(parameter.grad.values())
        else:
            gradients.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(gradients)
    share = torch.clamp(limit / (norm + 1e-6), max=1.0)
    for gradient in gradients:
        gradient.mul_(share)


def make_optimizer(model: RecommenderModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter, 2019); vectors and the tables of embeddings do not decay.

    Of sparse gradients only the rows that they have are moved.
    """

    def decays(name: str, parameter: Tensor) -> bool:
        return parameter.ndim >= 2 and "table" not in name and "position" not in name

    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n, p)], "weight_decay": config.weight_decay},
        {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
    ]
    return SparseAdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Rate at a share `progress` in [0, 1] of all steps: linear warm-up, then the schedule."""
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 1e-3)
    if config.schedule == "constant":
        return config.learning_rate
    rest = (progress - config.warmup) / (1 - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * rest)))


def set_learning_rate(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, progress: float
) -> None:
    """Give the optimizer the rate at a share `progress` of all steps."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, progress)


def precision(config: TrainingConfig) -> torch.dtype:
    """Type of the loss's matrix products; ConfigError where the CPU has none of that type."""
    if config.precision == "float32":
        return torch.float32
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise ConfigError(
            "training.precision = 'bfloat16' needs a CPU with bfloat16 products (AVX-512 BF16 or "
            "AMX), which this one has not: use 'float32'"
        )
    return torch.bfloat16
