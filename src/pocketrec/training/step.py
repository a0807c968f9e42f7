"""One step of training: the loss of a batch, its gradient and the update of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..config.training import TrainingConfig
from ..errors import ConfigError, DataError
from ..models.recommender import RecommenderModel
from ..schema import PADDING
from .batches import Batch
from .distributed import ALONE, Workers
from .losses import Loss, SampledLoss, full_softmax
from .negatives import small_catalogue
from .sparse_adam import SparseAdamW


def train_step(
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    loss_of: Loss = full_softmax,
    generator: torch.Generator | None = None,
    module: BatchLoss | None = None,
) -> float:
    """One step of the optimizer; returns the batch's mean loss in nats per label.

    `generator` samples the items of a `SampledLoss`; the default is torch's own. `module` computes
    the loss, and may sum over several workers; the default is a new `BatchLoss`.
    """
    module = module or BatchLoss(model, loss_of)
    optimizer.zero_grad(set_to_none=True)
    (summed,) = module.summed
    loss: Tensor = summed(batch, generator)
    loss.backward()  # type: ignore[no-untyped-call]
    module.workers.sum_rows(module.apart.values())
    clip(model.parameters(), gradient_clip)
    optimizer.step()
    value = module.workers.total(float(loss.detach()))
    if not math.isfinite(value):
        raise DataError(f"the loss became {value}: lower training.learning_rate")
    return value


class BatchLoss(nn.Module):
    """`batch_loss` as a module, as DistributedDataParallel requires.

    With several `workers`, each computes the loss of its part of the batch, times the part's share
    of the whole. On a GPU the encoder may compute in the type `mixed`.
    """

    def __init__(
        self,
        model: RecommenderModel,
        loss_of: Loss,
        workers: Workers = ALONE,
        mixed: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.model, self.loss_of, self.workers, self.mixed = model, loss_of, workers, mixed
        # This module, wrapped to sum gradients over the workers. It is in a list because torch
        # would register a module that is an attribute as a child of this one.
        self.summed = [workers.parallel(self, self.apart)]

    @property
    def apart(self) -> dict[str, nn.Parameter]:
        """Parameters by name whose gradients are sparse and are summed separately."""
        if not isinstance(self.loss_of, SampledLoss):
            return {}
        return {n: p for n, p in self.named_parameters() if n.startswith("model.items.")}

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """The mean loss of this worker's part of the batch, times its share of the batch."""
        if batch.share:
            loss = batch_loss(self.model, batch, self.loss_of, generator, self.workers, self.mixed)
            return batch.share * loss
        if isinstance(self.loss_of, SampledLoss):
            # Take part in the other workers' exchange of labels.
            self.loss_of.sample(self.workers.concatenated(batch.start_labels), generator)
        # Other workers hold the whole batch. All workers must exchange gradients, so send zeros.
        apart = self.apart
        dense = [p for name, p in self.named_parameters() if name not in apart]
        return torch.stack([0.0 * parameter.sum() for parameter in dense]).sum()


def batch_loss(
    model: RecommenderModel,
    batch: Batch,
    loss_of: Loss,
    generator: torch.Generator | None = None,
    workers: Workers = ALONE,
    mixed: torch.dtype | None = None,
) -> Tensor:
    """Mean loss of a batch's labels, in nats.

    With a `SampledLoss` the model sees only a small catalogue: the items of the batch and the
    sampled items, which are the same for all `workers`. The gradient of the item table is then
    sparse, and the time does not depend on V.
    """
    labels = torch.cat([batch.labels[batch.labels != PADDING], batch.start_labels])  # (N + B,)
    if not isinstance(loss_of, SampledLoss):
        table = model.table
        return loss_of(_states(model, batch, batch.item_id, table, mixed), table, labels)
    sampled = loss_of.sample(workers.concatenated(labels), generator)
    chosen, renamed = small_catalogue(batch.item_id, labels, sampled.item_id)
    item_id, labels, negatives = renamed
    table = model.items(chosen)
    states = _states(model, batch, item_id, table, mixed)
    return loss_of.of(states, table, labels, replace(sampled, item_id=negatives))


def _states(
    model: RecommenderModel,
    batch: Batch,
    item_id: Tensor,
    table: Tensor,
    mixed: torch.dtype | None,
) -> Tensor:
    """States (N + B, D) that have a label: those after each event, then the cold starts."""
    with torch.autocast(table.device.type, mixed) if mixed else nullcontext():
        states = model.states(item_id, batch.rows, table)  # (B, L, D)
    starts = model.cold_starts(item_id, batch.rows)  # (B, D)
    rows = torch.cat([states[batch.labels != PADDING].to(starts.dtype), starts])
    return rows / model.config.temperature


def clip(parameters: Iterable[Tensor], limit: float) -> None:
    """Scale all gradients down together, so that their norm is at most `limit`.

    As torch.nn.utils.clip_grad_norm_, which does not support sparse gradients.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            # Sum repeated rows first, or the norm would be wrong.
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad.values())
        else:
            gradients.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(gradients)
    share = torch.clamp(limit / (norm + 1e-6), max=1.0)
    for gradient in gradients:
        gradient.mul_(share)


def make_optimizer(model: RecommenderModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter, 2019), without weight decay for vectors and embedding tables.

    A sparse gradient updates only the rows it has.
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
    """The rate after a share `progress` in [0, 1] of all steps: linear warm-up, then schedule."""
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 1e-3)
    if config.schedule == "constant":
        return config.learning_rate
    rest = (progress - config.warmup) / (1 - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * rest)))


def set_learning_rate(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, progress: float
) -> None:
    """Set the optimizer's rate to that of a share `progress` of all steps."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, progress)


def precision(config: TrainingConfig, device: torch.device) -> torch.dtype:
    """The type of the loss's matrix products, and on a GPU of the encoder's too.

    Raises ConfigError if the config asks for bfloat16 and the device does not support it.
    """
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.is_bf16_supported()
    else:
        has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if config.precision == "auto":
        return torch.bfloat16 if has_bfloat16 and device.type == "cuda" else torch.float32
    if config.precision == "bfloat16" and not has_bfloat16:
        raise ConfigError(
            "training.precision = 'bfloat16' needs a CPU with bfloat16 products (AVX-512 BF16 or "
            "AMX), or a GPU with them, which is not here: use 'auto' or 'float32'"
        )
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
