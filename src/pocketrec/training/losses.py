"""Cross-entropy over all items without ever holding all logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK_BYTES = 1 << 22
"""Logits of one chunk: few enough to stay in the cache, enough to fill the cores."""
SMALLEST = 1e-38
"""Probabilities below this count as this: a label's loss is at most 87.5 nats."""


class _FusedLinearCrossEntropy(torch.autograd.Function):
    """Loss and both gradients of one chunk of rows at a time, all in the forward pass."""

    @staticmethod
    def forward(
        context: Any, states: Tensor, table: Tensor, labels: Tensor, dtype: torch.dtype
    ) -> Tensor:
        rows, items = len(states), len(table)
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
                gradient = torch.softmax(hidden @ weights.T, 1)  # (c, D) @ (D, V) -> (c, V)
                likelihood = gradient.gather(1, label).float().clamp_min(SMALLEST)
                losses[chunk] = -likelihood.log().squeeze(1)
                gradient.scatter_add_(1, label, gradient.new_full((len(label), 1), -1.0))
                grad_states[chunk] = gradient @ weights
                if dtype == torch.float32:
                    grad_table.addmm_(gradient.T, hidden)
                else:
                    grad_table += gradient.T @ hidden
        context.save_for_backward(grad_states / rows, grad_table / rows)
        return losses.mean()

    @staticmethod
    def backward(context: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_states, grad_table = context.saved_tensors
        (scale,) = outputs
        return grad_states * scale, grad_table * scale, None, None


def full_softmax(
    states: Tensor, table: Tensor, labels: Tensor, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Mean cross-entropy of labels among all items: -log softmax(states @ table.T)[label].

    states (N, D), table (V + 1, D) with padding in row 0, labels (N,) in 1..V -> scalar.
    Equal to F.cross_entropy (up to a label's loss of 87 nats, where it stays), but the (N, V)
    logits exist only a cache-sized chunk at a time (as in Wijmans et al., 2024, "Cut Your
    Losses"). `dtype` is that of the matrix products.
    """
    loss: Tensor = _FusedLinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states, table[1:], labels - 1, dtype
    )
    return loss
