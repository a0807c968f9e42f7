"""Workers that train one model together: each worker's place, and what they exchange.

Each worker holds the whole model and some of the shards. Torch's DistributedDataParallel sums their
gradients at every step, over gloo between CPUs and nccl between GPUs. Only the lead, worker 0,
touches the run's folder and prints. `torchrun.py` connects the workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._C._distributed_c10d import GradBucket
from torch.nn.parallel import DistributedDataParallel

from ..errors import ConfigError, PocketrecError

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Workers:
    """All workers, as one of them sees them; by default there is one, and nothing is exchanged."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Rank among the workers of this machine."""
    local_size: int = 1

    @property
    def lead(self) -> bool:
        """Whether this is the worker that writes files and prints for all."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """This worker's GPU, or the CPU where there is none."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_rank)

    def threads(self, asked: int | None) -> int | None:
        """CPU threads for this worker: as many as asked for, or its share of the machine's cores.

        None leaves the choice to torch. That is right for a single worker, and for users who set
        OMP_NUM_THREADS themselves (torchrun sets it to 1 if they did not).
        """
        if asked is not None or self.size == 1:
            return asked
        if os.environ.get("OMP_NUM_THREADS", "1") != "1":
            return None
        has_affinity = hasattr(os, "sched_getaffinity")
        cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
        return max(1, cores // self.local_size)

    def gather(self, values: NDArray[Number]) -> list[NDArray[Number]]:
        """Each worker's one-dimensional array, which may differ in length, in order of rank."""
        if self.size == 1:
            return [values]
        # all_gather needs equal shapes, so bytes are padded to the longest and cut again.
        raw = torch.from_numpy(np.frombuffer(values.tobytes(), np.uint8).copy())
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(raw)]))
        padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
        padded[: len(raw)] = raw
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        return [
            np.frombuffer(part[: int(size)].numpy().tobytes(), values.dtype)
            for part, size in zip(gathered, sizes, strict=True)
        ]

    def from_lead(self, content: bytes) -> bytes:
        """The lead's `content`, at every worker; what other workers pass is ignored."""
        if self.size == 1:
            return content
        size = torch.tensor([len(content)])
        dist.broadcast(size, 0)
        raw = torch.empty(int(size), dtype=torch.uint8)
        if self.lead:
            raw.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        dist.broadcast(raw, 0)
        return raw.numpy().tobytes()

    def total(self, value: float) -> float:
        """The sum of the workers' values."""
        if self.size == 1:
            return value
        summed = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(summed)
        return float(summed)

    def concatenated(self, ids: Tensor) -> Tensor:
        """The ids (n,) int64 of all workers, in order of rank."""
        if self.size == 1:
            return ids
        return torch.from_numpy(np.concatenate(self.gather(ids.cpu().numpy()))).to(ids.device)

    def sum_rows(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum sparse gradients over the workers; a parameter without a gradient adds nothing.

        Every worker gets the rows that any worker has, so the cost does not depend on the size of
        the table.
        """
        if self.size == 1:
            return
        for parameter in parameters:
            table = torch.zeros_like(parameter[:0])
            my_rows, values = torch.zeros(0, dtype=torch.int64, device=table.device), table
            if parameter.grad is not None:
                gradient = parameter.grad.coalesce()
                my_rows, values = gradient.indices()[0], gradient.values()
            rows = torch.unique(self.concatenated(my_rows))
            summed = table.new_zeros(len(rows), *table.shape[1:])
            summed[torch.searchsorted(rows, my_rows)] = values
            dist.all_reduce(summed)
            parameter.grad = torch.sparse_coo_tensor(
                rows.unsqueeze(0),
                summed,
                parameter.shape,
                is_coalesced=True,
                check_invariants=False,
            )

    def parallel(self, module: nn.Module, apart: Iterable[str] = ()) -> nn.Module:
        """The module, wrapped so that its backward pass sums gradients over the workers.

        Gradients of the parameters named in `apart` are not summed.
        """
        if self.size == 1:
            return module
        # It packs gradients into dense buffers, so it must not see those that are sparse.
        ignore: Callable[..., None] = (
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        )
        ignore(module, list(apart))
        gpus = [self.device.index] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(
            module, device_ids=gpus, forward_sync_buffers=False, init_sync=False
        )
        # A lambda has no annotations. Torch would compare ours, which are strings here, with types.
        wrapped.register_comm_hook(None, lambda _, bucket: _sum(bucket))
        return wrapped

    def agree(self, what: str, fingerprint: str) -> None:
        """Raise ConfigError at every worker unless all of them have equal fingerprints."""
        gathered = self.gather(np.frombuffer(fingerprint.encode(), np.uint8))
        fingerprints = [bytes(part) for part in gathered]
        if differing := [rank for rank, f in enumerate(fingerprints) if f != fingerprints[0]]:
            raise ConfigError(
                f"worker {differing[0]} has different {what} than worker 0: give each machine "
                "the same"
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run a block that all workers finish, or none: if one fails, all of them end.

        The first that failed raises its error; the others exit silently. For work that each worker
        does by itself: the block must not exchange anything.
        """
        error: PocketrecError | None = None
        try:
            yield
        except PocketrecError as raised:
            error = raised
        failed = np.concatenate(self.gather(np.array([error is not None])))
        if not failed.any():
            return
        if error is not None and self.rank == int(failed.argmax()):
            raise error
        raise SystemExit(2)


ALONE = Workers()


def _sum(bucket: GradBucket) -> torch.futures.Future[Tensor]:
    """Sum gradients, not average: each worker's loss is already its share of the batch's mean."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    first: torch.futures.Future[Tensor] = work.get_future().then(lambda done: done.value()[0])
    return first


def step_generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """A generator that is the same for all workers at a step, and the same when it is repeated.

    Sampled losses use it, because all workers must sample the same items.
    """
    (state,) = np.random.SeedSequence([seed, epoch, 2, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def own_seed(workers: Workers, *numbers: int) -> int:
    """A seed that differs between workers, so that no two drop the same activations."""
    sequence = np.random.SeedSequence([*numbers, 3, workers.rank])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
