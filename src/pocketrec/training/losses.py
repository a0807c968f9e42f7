"""What training makes small: cross-entropy over all items, or over sampled ones.

All of them take states (N, D), an item table (V + 1, D) with padding in row 0, and labels (N,) in
1..V, and give the mean loss of a label, in nats. Those of sampled items look at no other rows of
the table, which so may be one of a small catalogue (`negatives.small_catalogue`).
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
"""Logits of one chunk: few enough to stay in the cache, enough to fill the cores."""
GPU_CHUNK_BYTES = 1 << 28
"""There nothing is waited for but memory, and small products leave most of it idle."""
SMALLEST = 1e-38
"""Probabilities below this count as this: a label's loss is at most 87.5 nats."""


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
    ) -> Tensor:
        rows, items = len(states), len(table)
        mean_item = table.detach().mean(0)
        weights = table.detach().to(dtype)
        grad_states = torch.empty_like(states)
        grad_table = torch.zeros_like(table)
        losses = torch.empty(rows, dtype=torch.float32, device=states.device)
        chunk_bytes = CHUNK_BYTES if states.device.type == "cpu" else GPU_CHUNK_BYTES
        step = max(16, chunk_bytes // (4 * items) // 16 * 16)
        with torch.no_grad():
            for begin in range(0, rows, step):
                chunk = slice(begin, min(begin + step, rows))
                hidden = states.detach()[chunk].to(dtype)
                label = labels[chunk].unsqueeze(1)
                # The logits, then in their place the probabilities, then the logits' gradient.
                logits = hidden @ weights.T  # (c, D) @ (D, V) -> (c, V)
                own = logits.gather(1, label).float().squeeze(1) if smoothing else None
                gradient = torch.softmax(logits, 1)
                likelihood = gradient.gather(1, label).float().clamp_min(SMALLEST)
                losses[chunk] = -likelihood.log().squeeze(1)
                if own is not None:
                    # The mean of -log p over all items differs by the mean of the logits.
                    losses[chunk] += smoothing * (own - states.detach()[chunk] @ mean_item)
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
    def backward(context: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_states, grad_table = context.saved_tensors
        (scale,) = outputs
        return grad_states * scale, grad_table * scale, None, None, None


FullLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states, table, labels) -> scalar."""


@dataclass(frozen=True)
class SampledLoss:
    """A loss that looks at labels and at sampled items, and at nothing else."""

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
) -> Tensor:
    """Cross-entropy of labels among all items: -log softmax(states @ table.T)[label].

    Equal to F.cross_entropy (up to a label's loss of 87 nats, where it stays), but the (N, V)
    logits exist only a cache-sized chunk at a time (as in Wijmans et al., 2024, "Cut Your
    Losses"). `dtype` is that of the matrix products; `smoothing` gives that share of a label's
    weight to all items alike (Szegedy et al., 2016).
    """
    loss: Tensor = _FusedLinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states, table[1:], labels - 1, dtype, smoothing
    )
    return loss


def sampled_softmax(states: Tensor, table: Tensor, labels: Tensor, sampled: Sampled) -> Tensor:
    """Cross-entropy among the label and the sampled items.

    -log of e^s(label) / (e^s(label) + sum over sampled j other than it of e^s(j) / expected(j)).
    A sampled item's logit is lowered by the log of how often it was to be expected, the "logQ
    correction", so that the sum over the sampled ones is on average the sum over all but the label
    (Bengio and Senecal, 2008). Where labels of the batch take the place of sampled items it keeps
    popular ones from being pushed down for being popular (Yi et al., 2019,
    "Sampling-Bias-Corrected Neural Modeling").
    """
    own = (states * table[labels]).sum(1)  # (N,)
    others = torch.addmm(-sampled.log_expected, states, table[sampled.item_id].T)  # (N, n)
    others = others.masked_fill(sampled.item_id == labels.unsqueeze(1), -torch.inf)
    return (torch.logaddexp(own, torch.logsumexp(others, 1)) - own).mean()


def gbce_power(items: int, count: int, calibration: float) -> float:
    """beta = a (t (1 - 1/a) + 1/a), a = count / (V - 1), t = `calibration`.

    Petrov and Macdonald, 2023, "gSASRec", equation 10.
    """
    share = min(1.0, count / max(1, items - 1))
    return share * (calibration * (1 - 1 / share) + 1 / share)


def gbce(states: Tensor, table: Tensor, labels: Tensor, sampled: Sampled, *, beta: float) -> Tensor:
    """Binary cross-entropy with the label's likelihood to the power of beta.

    -log sigmoid(s(label))^beta - sum over sampled j of log(1 - sigmoid(s(j))) (gSASRec, equation
    9). Items are sampled alike, those that are labels left out.
    """
    own = F.logsigmoid((states * table[labels]).sum(1))
    others = F.logsigmoid(-(states @ table[sampled.item_id].T))  # (N, n)
    others = others.masked_fill(sampled.item_id == labels.unsqueeze(1), 0.0)
    return -(beta * own + others.sum(1)).mean()
