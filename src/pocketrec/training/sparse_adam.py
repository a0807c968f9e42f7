"""AdamW for tables of which each step changes few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class SparseAdamW(torch.optim.AdamW):
    """AdamW that updates only the rows in a sparse gradient, at a cost of O(rows).

    Other rows and their moments stay as they are, where AdamW would keep moving them ("lazy" Adam,
    as torch.optim.SparseAdam). Dense gradients go to torch's AdamW. Both keep state under the same
    names, so that checkpoints need no special case.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; sparse gradients must be coalesced, each row once."""
        sparse = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._move_rows(parameter, parameter.grad, group)
                    sparse.append((parameter, parameter.grad))
                    parameter.grad = None  # torch's AdamW refuses it
        loss: float | None = super().step(closure)
        for parameter, gradient in sparse:
            parameter.grad = gradient
        return loss

    def _move_rows(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        step, (beta1, beta2) = float(state["step"]), group["betas"]
        rows, values = gradient.indices()[0], gradient.values()  # (n,), (n, D)
        mean = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        square = state["exp_avg_sq"][rows].mul_(beta2).addcmul_(values, values, value=1 - beta2)
        state["exp_avg"].index_copy_(0, rows, mean)
        state["exp_avg_sq"].index_copy_(0, rows, square)
        spread = square.div_(1 - beta2**step).sqrt_().add_(group["eps"])
        moved = parameter[rows].mul_(1 - group["lr"] * group["weight_decay"])
        moved.addcdiv_(mean, spread, value=-group["lr"] / (1 - beta1**step))
        parameter.index_copy_(0, rows, moved)
