"""Checkpoints: one safetensors file each, written whole, with all that a resumed run needs."""

from __future__ import annotations

import hashlib
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
_STATE = "state"
_POSITION = "position"
_DIGEST = "sha256"


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
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    where = json.dumps(asdict(position))
    # One entry: safetensors writes several in an order of chance, and equal runs equal bytes.
    entry = json.dumps({_POSITION: where, _DIGEST: _digest(tensors, where)})
    write_atomically(path, save(tensors, {_STATE: entry}))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> Position:
    """Restore what `save_checkpoint` wrote; without `optimizer` the weights only.

    Raises ArtifactError when the file is missing, damaged or of another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads(file.metadata()[_STATE])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        position = Position(**json.loads(state[_POSITION]))
        if state[_DIGEST] != _digest(tensors, state[_POSITION]):
            raise ValueError("it is damaged (its sha256 differs)")
        model.load_state_dict(_part(tensors, _MODEL))
        if optimizer is not None:
            _restore_optimizer(model, optimizer, _part(tensors, _OPTIMIZER))
            torch.set_rng_state(tensors[_RANDOM])
        return position
    except FileNotFoundError:
        raise ArtifactError(f"there is no checkpoint '{path}'") from None
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"checkpoint '{path}' does not fit this run ({what}): it is damaged, or of another "
            "version of pocketrec; train again"
        ) from None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _digest(tensors: dict[str, Tensor], position: str) -> str:
    """sha256 of all that a checkpoint holds."""
    digest = hashlib.sha256(position.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


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
            key.partition(".")[0]: value
            for key, value in found.items()
            if key.partition(".")[2] == name
        }
        if state:
            optimizer.state[parameter] = state
