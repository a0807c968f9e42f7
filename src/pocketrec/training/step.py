"""One step of training: the loss of a batch, its gradient, and what the optimizer makes of it."""

from __future__ import annotations

import math
from contextlib import nullcontext as _as_is

import torch
from torch import Tensor, nn

from ..config import TrainingConfig
from ..errors import ConfigError, DataError
from ..models.recommender import RecommenderModel
from ..schema import PADDING
from .batches import Batch
from .distributed import ALONE, Workers
from .losses import Loss, full_softmax


def train_step(
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    loss_of: Loss = full_softmax,
    workers: Workers = ALONE,
    module: nn.Module | None = None,
) -> float:
    """One step of the optimizer; returns the batch's mean loss in nats per label.

    Of several workers each gives its part of the batch; `module`, a `BatchLoss` that
    `workers.parallel` made, sums their gradients, and the loss is that of the whole batch.
    """
    loss = (module or BatchLoss(model, loss_of))(batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), gradient_clip)
    optimizer.step()
    value = workers.total(float(loss.detach()))
    if not math.isfinite(value):
        raise DataError(f"the loss became {value}: lower training.learning_rate")
    return value


class BatchLoss(nn.Module):
    """A model's loss on a batch, as the module that DistributedDataParallel needs."""

    def __init__(
        self, model: RecommenderModel, loss_of: Loss, encoder_dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.model, self.loss_of, self.encoder_dtype = model, loss_of, encoder_dtype

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss of a row, times the share of the batch's rows that are here."""
        if not batch.share:  # another worker has them all; each parameter gets its zero of them
            return torch.stack([0.0 * p.sum() for p in self.model.parameters()]).sum()
        model, device = self.model, batch.item_id.device
        table = model.table
        mixed = self.encoder_dtype != torch.float32
        with torch.autocast(device.type, self.encoder_dtype, enabled=True) if mixed else _as_is():
            states = model.states(batch.item_id, batch.rows, table)  # (B, L, D)
        kept = batch.labels != PADDING  # (B, L)
        starts = model.starts(batch.item_id, batch.rows)  # (B, D)
        rows = torch.cat([states[kept].to(starts.dtype), starts])  # (N + B, D)
        labels = torch.cat([batch.labels[kept], batch.start_labels])
        return batch.share * self.loss_of(rows / model.config.temperature, table, labels)


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


def precision(config: TrainingConfig, device: torch.device) -> torch.dtype:
    """Type of the loss's matrix products, and on a GPU of the encoder's.

    ConfigError where bfloat16 is asked for and the device has no products of that type.
    """
    if device.type == "cuda":
        has_it = torch.cuda.is_bf16_supported()
    else:
        has_it = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if config.precision == "auto":
        return torch.bfloat16 if has_it and device.type == "cuda" else torch.float32
    if config.precision == "bfloat16" and not has_it:
        raise ConfigError(
            "training.precision = 'bfloat16' needs a CPU with bfloat16 products (AVX-512 BF16 or "
            "AMX), or a GPU with them, which is not here: use 'auto' or 'float32'"
        )
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
