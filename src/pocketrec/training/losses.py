"""What training makes small: cross-entropy over all items, or over drawn ones.

All of them take states (N, D), the item table (V + 1, D) with padding in row 0, and labels (N,) in
1..V, and give the mean loss of a label, in nats.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import TrainingConfig

CHUNK_BYTES = 1 << 22
"""Logits of one chunk: few enough to stay in the cache, enough to fill the cores."""
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
        losses = torch.empty(rows, dtype=torch.float32)
        step = max(16, CHUNK_BYTES // (4 * items) // 16 * 16)
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


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states, table, labels) -> scalar."""


def make_loss(config: TrainingConfig, item_counts: Tensor, dtype: torch.dtype) -> Loss:
    """The loss that `config.loss` names; `item_counts` (V,) are training events of items 1..V."""
    counts = item_counts.clamp(min=1).to(torch.float32)
    match config.loss:
        case "softmax":
            return partial(full_softmax, dtype=dtype, smoothing=config.label_smoothing)
        case "sampled_softmax":
            return partial(sampled_softmax, proposal=proposal(counts), count=config.negatives)
        case "in_batch":
            return partial(in_batch_softmax, shares=counts / counts.sum())
        case "gbce":
            return partial(gbce, count=config.negatives, calibration=config.calibration)


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


FLATTEN = 0.75
"""Power of an item's count in the proposal, as in word2vec (Mikolov et al., 2013)."""


def proposal(counts: Tensor) -> Tensor:
    """Shares by which items 1..V are drawn: (V,) -> (V,), summing to 1."""
    weights = counts**FLATTEN
    return weights / weights.sum()


def sampled_softmax(
    states: Tensor, table: Tensor, labels: Tensor, *, proposal: Tensor, count: int
) -> Tensor:
    """Cross-entropy among the label and `count` items drawn with shares `proposal` (V,).

    A drawn item's logit is lowered by log(count * share), the "logQ correction", so that the sum
    over the drawn ones is on average the sum over all but the label (Bengio and Senecal, 2008).
    """
    drawn = torch.multinomial(proposal, count, replacement=True) + 1
    return _corrected(states, table, labels, drawn, proposal)


def in_batch_softmax(states: Tensor, table: Tensor, labels: Tensor, *, shares: Tensor) -> Tensor:
    """Cross-entropy among the labels of the batch, which come as often as they are popular.

    Without the correction by their shares (V,) popular items are pushed down for being popular
    (Yi et al., 2019, "Sampling-Bias-Corrected Neural Modeling").
    """
    return _corrected(states, table, labels, labels, shares)


def _corrected(
    states: Tensor, table: Tensor, labels: Tensor, drawn: Tensor, shares: Tensor
) -> Tensor:
    """-log of e^s(label) / (e^s(label) + sum over drawn j other than it of e^s(j) / (n q(j)))."""
    own = (states * table[labels]).sum(1, keepdim=True)  # (N, 1)
    others = states @ table[drawn].T - torch.log(len(drawn) * shares[drawn - 1])  # (N, n)
    others = others.masked_fill(drawn == labels.unsqueeze(1), -torch.inf)
    return F.cross_entropy(torch.cat([own, others], 1), torch.zeros_like(labels))


def gbce(
    states: Tensor, table: Tensor, labels: Tensor, *, count: int, calibration: float
) -> Tensor:
    """Binary cross-entropy with the label's likelihood to the power of beta.

    -log sigmoid(s(label))^beta - sum over `count` drawn j of log(1 - sigmoid(s(j))), with
    beta = a (t (1 - 1/a) + 1/a), a = count / (V - 1), t = `calibration` (Petrov and Macdonald,
    2023, "gSASRec", equations 9 and 10). Items are drawn alike, those that are labels left out.
    """
    items = len(table) - 1
    drawn = torch.randint(1, items + 1, (count,))
    share = min(1.0, count / max(1, items - 1))
    beta = share * (calibration * (1 - 1 / share) + 1 / share)
    own = F.logsigmoid((states * table[labels]).sum(1))
    others = F.logsigmoid(-(states @ table[drawn].T))  # (N, n)
    others = others.masked_fill(drawn == labels.unsqueeze(1), 0.0)
    return -(beta * own + others.sum(1)).mean()
