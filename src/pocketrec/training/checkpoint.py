"""Checkpoints: one safetensors file each, written whole, with all that a resumed run needs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..artifact import write_atomically
from ..errors import ArtifactError

_MODEL = "model."
_OPTIMIZER = "optimizer."
_RANDOM = "random_state"
_POSITION = "position"


@dataclass(frozen=True)
class Position:
    """Where in the training a checkpoint stands."""

    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Steps done of the epoch after those."""
    loss_sum: float = 0.0
    """Sum over those steps of loss times labels."""
    best_score: float = -1.0
    """Best validation NDCG@10 so far."""
    best_epoch: int = 0
    stale: int = 0
    """Measurements since the best one."""


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position
) -> None:
    """Write weights, optimizer state, torch's random state and the position."""
    tensors = {_MODEL + name: value for name, value in _weights(model).items()}
    for name, state in _optimizer_state(model, optimizer).items():
        tensors[_OPTIMIZER + name] = state
    tensors[_RANDOM] = torch.get_rng_state()
    metadata = {_POSITION: json.dumps(asdict(position))}
    write_atomically(path, save({k: v.contiguous() for k, v in tensors.items()}, metadata))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> Position:
    """Restore what `save_checkpoint` wrote; without `optimizer` the weights only.

    Raises ArtifactError when the file is missing, damaged or of another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            weights = {n.removeprefix(_MODEL): file.get_tensor(n) for n in names if _of(n, _MODEL)}
            model.load_state_dict(weights)
            if optimizer is not None:
                found = {n: file.get_tensor(n) for n in names if _of(n, _OPTIMIZER)}
                _restore_optimizer(model, optimizer, found)
                torch.set_rng_state(file.get_tensor(_RANDOM))
            return Position(**json.loads(file.metadata()[_POSITION]))
    except FileNotFoundError:
        raise ArtifactError(f"there is no checkpoint '{path}'") from None
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"checkpoint '{path}' does not fit this run: {error}") from None


def _of(name: str, prefix: str) -> bool:
    return name.startswith(prefix)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in model.state_dict().items()}


def _optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{key}.{name}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, found: dict[str, Tensor]
) -> None:
    for name, parameter in model.named_parameters():
        state: dict[str, Any] = {
            full.removeprefix(_OPTIMIZER).partition(".")[0]: value
            for full, value in found.items()
            if full.removeprefix(_OPTIMIZER).partition(".")[2] == name
        }
        if state:
            optimizer.state[parameter] = state
