"""Training losses: cross-entropy over all items, or over sampled ones.

Each takes states (N, D), an item table (V + 1, D) with padding in row 0, and labels (N,) in 1..V,
and returns the mean loss of a label, in nats. Sampled losses read only the rows of labels and
sampled items, so their table may be that of a small catalogue (`negatives.small_catalogue`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config.training import TrainingConfig
from .negatives import InBatchSampler, PopularitySampler, Sampled, Sampler, UniformSampler

CHUNK_BYTES = 1 << 22
"""Size of one chunk of logits: small enough for the cache, large enough to use all cores."""
GPU_CHUNK_BYTES = 1 << 28
"""A GPU needs larger chunks: small matrix products leave most of it idle."""
SMALLEST = 1e-38
"""Smallest probability of a label, which limits its loss to 87.5 nats."""


class _FusedLinearCrossEntropy(torch.autograd.Function):
    """Loss and both gradients of one chunk of rows at a time, all in the forward pass."""

    @staticmethod
    def forward(
        context: Any,
        states: Tensor,
        table: Tensor,
        labels: Tensor,
        dtype: torch.dtype,
        smoothing: float,
        chunk_bytes: int,
    ) -> Tensor:
        rows, items = len(states), len(table)
        mean_item = table.detach().mean(0)
        weights = table.detach().to(dtype)
        grad_states = torch.empty_like(states)
        grad_table = torch.zeros_like(table)
        losses = torch.empty(rows, dtype=torch.float32, device=states.device)
        step = max(16, chunk_bytes // (4 * items) // 16 * 16)
        with torch.no_grad():
            for begin in range(0, rows, step):
                chunk = slice(begin, min(begin + step, rows))
                hidden = states.detach()[chunk].to(dtype)
                label = labels[chunk].unsqueeze(1)
                # One chunk of logits becomes probabilities, and those become the logits' gradient.
                logits = hidden @ weights.T  # (c, D) @ (D, V) -> (c, V)
                label_logits = logits.gather(1, label).float().squeeze(1) if smoothing else None
                gradient = torch.softmax(logits, 1)
                likelihood = gradient.gather(1, label).float().clamp_min(SMALLEST)
                losses[chunk] = -likelihood.log().squeeze(1)
                if label_logits is not None:
                    # The mean of -log p over all items differs by the mean of the logits.
                    losses[chunk] += smoothing * (label_logits - states.detach()[chunk] @ mean_item)
                    gradient -= smoothing / items
                gradient.scatter_add_(1, label, gradient.new_full((len(label), 1), smoothing - 1))
                grad_states[chunk] = gradient @ weights
                if dtype == torch.float32:
                    grad_table.addmm_(gradient.T, hidden)
                else:
                    grad_table += gradient.T @ hidden
        context.save_for_backward(grad_states / rows, grad_table / rows)
        return losses.mean()

    @staticmethod
    def backward(context: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        grad_states, grad_table = context.saved_tensors
        (scale,) = outputs
        return grad_states * scale, grad_table * scale, None, None, None, None


FullLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states, table, labels) -> scalar."""


@dataclass(frozen=True)
class SampledLoss:
    """A loss that reads the table's rows of labels and sampled items only."""

    of: Callable[[Tensor, Tensor, Tensor, Sampled], Tensor]
    """(states, table, labels, sampled items) -> scalar."""
    sample: Sampler


Loss = FullLoss | SampledLoss


def make_loss(config: TrainingConfig, item_counts: Tensor, dtype: torch.dtype) -> Loss:
    """The loss that `config.loss` names; `item_counts` (V,) are training events of items 1..V."""
    counts = item_counts.clamp(min=1)
    match config.loss:
        case "softmax":
            return partial(full_softmax, dtype=dtype, smoothing=config.label_smoothing)
        case "sampled_softmax":
            return SampledLoss(sampled_softmax, PopularitySampler.of(counts, config.negatives))
        case "in_batch":
            return SampledLoss(sampled_softmax, InBatchSampler.of(counts))
        case "gbce":
            beta = gbce_power(len(counts), config.negatives, config.calibration)
            return SampledLoss(
                partial(gbce, beta=beta), UniformSampler(len(counts), config.negatives)
            )


def full_softmax(
    states: Tensor,
    table: Tensor,
    labels: Tensor,
    *,
    dtype: torch.dtype = torch.float32,
    smoothing: float = 0.0,
    chunk_bytes: int | None = None,
) -> Tensor:
    """Cross-entropy of labels among all items: -log softmax(states @ table.T)[label].

    Equal to F.cross_entropy, except that a label's loss is at most 87.5 nats. The (N, V) logits are
    never all in memory, only `chunk_bytes` of them at a time, by default what a cache holds (as in
    Wijmans et al., 2024, "Cut Your Losses"). `dtype` is the type of the matrix products.
    `smoothing` is the share of a label's weight that is spread evenly over all items (Szegedy et
    al., 2016).
    """
    if chunk_bytes is None:
        chunk_bytes = CHUNK_BYTES if states.device.type == "cpu" else GPU_CHUNK_BYTES
    loss: Tensor = _FusedLinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states, table[1:], labels - 1, dtype, smoothing, chunk_bytes
    )
    return loss


def sampled_softmax(states: Tensor, table: Tensor, labels: Tensor, sampled: Sampled) -> Tensor:
    """Cross-entropy among the label and the sampled items.

    -log of e^s(label) / (e^s(label) + sum over sampled j != label of e^s(j) / expected(j)).
    Each sampled item's logit is lowered by the log of its expected count, the "logQ correction".
    The sum over the sampled items is then on average the sum over all items but the label (Bengio
    and Senecal, 2008). When the batch's labels serve as sampled items, the correction also keeps
    popular items from being pushed down (Yi et al., 2019, "Sampling-Bias-Corrected Neural
    Modeling").
    """
    label_logits = (states * table[labels]).sum(1)  # (N,)
    others = torch.addmm(-sampled.log_expected, states, table[sampled.item_id].T)  # (N, n)
    others = others.masked_fill(sampled.item_id == labels.unsqueeze(1), -torch.inf)
    return (torch.logaddexp(label_logits, torch.logsumexp(others, 1)) - label_logits).mean()


def gbce_power(items: int, count: int, calibration: float) -> float:
    """beta = a (t (1 - 1/a) + 1/a), a = count / (V - 1), t = `calibration`.

    Petrov and Macdonald, 2023, "gSASRec", equation 10.
    """
    share = min(1.0, count / max(1, items - 1))
    return share * (calibration * (1 - 1 / share) + 1 / share)


def gbce(states: Tensor, table: Tensor, labels: Tensor, sampled: Sampled, *, beta: float) -> Tensor:
    """Binary cross-entropy, with the label's likelihood raised to the power of beta.

    -log sigmoid(s(label))^beta - sum over sampled j of log(1 - sigmoid(s(j))) (gSASRec, equation
    9). Items are sampled uniformly; a row's own label is left out.
    """
    label_logs = F.logsigmoid((states * table[labels]).sum(1))
    others = F.logsigmoid(-(states @ table[sampled.item_id].T))  # (N, n)
    others = others.masked_fill(sampled.item_id == labels.unsqueeze(1), 0.0)
    return -(beta * label_logs + others.sum(1)).mean()
