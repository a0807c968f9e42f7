"""Checkpoints: one safetensors file each, written atomically, with all a resumed run needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import ArtifactError
from ..models.recommender import RecommenderModel
from ..storage.artifact import write_atomically
from .distributed import ALONE, Workers, own_seed

_MODEL = "model."
_OPTIMIZER = "optimizer."
_RANDOM = "random_state"
_STATE = "state"
_POSITION = "position"
_DIGEST = "sha256"


@dataclass(frozen=True)
class Position:
    """How far training has come."""

    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Completed steps of the next epoch."""
    loss_sum: float = 0.0
    """Sum of loss times labels over those steps."""
    best_score: float = -1.0
    """Best validation NDCG@10 so far."""
    best_epoch: int = 0
    stale: int = 0
    """Validations since the best one."""


def save_checkpoint(
    path: Path,
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer,
    position: Position,
    random: Sequence[Tensor] | None = None,
) -> None:
    """Write weights, optimizer state, random states and the position.

    `random` holds the `random_state` of every worker, in order of rank; None means a single worker.
    Weights and optimizer state do not depend on the device.
    """
    tensors = {_MODEL + name: value for name, value in _weights(model).items()}
    for name, state in _optimizer_state(model, optimizer).items():
        tensors[_OPTIMIZER + name] = state
    states = [random_state(model.device)] if random is None else random
    tensors |= {_random_name(model.device, rank): state for rank, state in enumerate(states)}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    where = json.dumps(asdict(position))
    # One entry only: safetensors writes several in random order, and equal runs must write equal
    # bytes.
    entry = json.dumps({_POSITION: where, _DIGEST: _digest(tensors, where)})
    write_atomically(path, save(tensors, {_STATE: entry}))


def load_checkpoint(
    path: Path,
    model: RecommenderModel,
    optimizer: torch.optim.Optimizer | None = None,
    workers: Workers = ALONE,
) -> Position:
    """Restore what `save_checkpoint` wrote; without `optimizer` the weights only.

    With several workers, the lead reads the file and sends it to the others. A worker whose random
    state is not in the file, because fewer workers or another kind of device wrote it, is seeded
    again. Raises ArtifactError when the file is missing, damaged or of another model.
    """
    try:
        content = workers.from_lead(path.read_bytes() if workers.lead else b"")
    except FileNotFoundError:
        raise ArtifactError(f"there is no checkpoint '{path}'") from None
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        state = json.loads(header["__metadata__"][_STATE])
        tensors = load(content)
        position = Position(**json.loads(state[_POSITION]))
        if state[_DIGEST] != _digest(tensors, state[_POSITION]):
            raise ValueError("it is damaged (its sha256 differs)")
        model.load_state_dict(_part(tensors, _MODEL))
        if optimizer is not None:
            _restore_optimizer(model, optimizer, _part(tensors, _OPTIMIZER))
            device = model.device
            random = tensors.get(_random_name(device, workers.rank))
            if random is not None:
                _set_random_state(device, random)
            else:
                torch.manual_seed(own_seed(workers, position.epoch, position.step))
        return position
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"checkpoint '{path}' does not fit this run ({what}): it is damaged, or of another "
            "version of pocketrec; train again"
        ) from None


def random_state(device: torch.device) -> Tensor:
    """State (uint8) of the random generator that a model on this device uses."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.get_rng_state()


def _set_random_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def _random_name(device: torch.device, rank: int) -> str:
    of_device = "" if device.type == "cpu" else f".{device.type}"
    return _RANDOM + of_device + (f".{rank}" if rank else "")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _digest(tensors: dict[str, Tensor], position: str) -> str:
    """sha256 of everything a checkpoint holds."""
    digest = hashlib.sha256(position.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _weights(model: RecommenderModel) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in model.state_dict().items()}


def _optimizer_state(
    model: RecommenderModel, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    return {
        f"{key}.{name}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _restore_optimizer(
    model: RecommenderModel, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    for name, parameter in model.named_parameters():
        state: dict[str, Any] = {
            key.partition(".")[0]: value
            for key, value in tensors.items()
            if key.partition(".")[2] == name
        }
        if state:
            optimizer.state[parameter] = {
                key: value.to(parameter.device) for key, value in state.items()
            }
