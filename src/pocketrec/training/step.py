"""One step of training: the loss of a batch, its gradient, and what the optimizer makes of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..config import TrainingConfig
from ..errors import ConfigError, DataError
from ..models.recommender import RecommenderModel
from ..schema import PADDING
from .batches import Batch
from .losses import Loss, full_softmax


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
