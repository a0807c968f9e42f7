"""Workers that train one model together, as torchrun starts them: who they are, what they exchange.

Each holds the whole model and some of the shards. What they exchange at every step, gradients, is
summed by torch's DistributedDataParallel, over gloo between CPUs and nccl between GPUs. The lead,
worker 0, is the only one that touches the run's folder, and the only one that speaks.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._C._distributed_c10d import GradBucket, PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from ..errors import ConfigError, PocketrecError, WorkerError

WAIT = timedelta(minutes=30)
"""Longest that workers wait for one of them, who may be counting what follows what."""

GONE = (
    "another worker is gone, and training cannot go on without it: start the same command again "
    "with --resume"
)

ENDED = (
    "this worker was told to end, as torchrun does when another worker is gone: start the same "
    "command again with --resume"
)

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Workers:
    """All workers, as one of them sees them; by default it is alone, and nothing is exchanged."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Place among the workers of this machine."""
    local_size: int = 1

    @property
    def lead(self) -> bool:
        """Whether this one writes and speaks for all."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """This worker's GPU, or the CPU where there is none."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_rank)

    def threads(self, asked: int | None) -> int | None:
        """CPU threads for this worker: those asked for, or its share of the machine's.

        None: whatever torch takes, which is right for one that is alone, and for whoever has set
        OMP_NUM_THREADS (which torchrun sets to 1 if nobody has).
        """
        if asked is not None or self.size == 1:
            return asked
        if os.environ.get("OMP_NUM_THREADS", "1") != "1":
            return None
        has_affinity = hasattr(os, "sched_getaffinity")
        cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
        return max(1, cores // self.local_size)

    def gather(self, values: NDArray[Number]) -> list[NDArray[Number]]:
        """Each worker's array, of one dimension and of any length, in the order of the workers."""
        if self.size == 1:
            return [values]
        raw = torch.from_numpy(np.frombuffer(values.tobytes(), np.uint8).copy())
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(raw)]))
        padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
        padded[: len(raw)] = raw
        found = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(found, padded)
        return [
            np.frombuffer(one[: int(size)].numpy().tobytes(), values.dtype)
            for one, size in zip(found, sizes, strict=True)
        ]

    def from_lead(self, content: bytes) -> bytes:
        """What the lead gives, at every worker; what others give counts nothing."""
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
        """The ids (n,) int64 of all workers, one worker's after the other's."""
        if self.size == 1:
            return ids
        return torch.from_numpy(np.concatenate(self.gather(ids.cpu().numpy()))).to(ids.device)

    def sum_rows(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum sparse gradients over the workers; a worker whose parameter has none adds nothing.

        All get the rows that any of them has, so that the cost does not depend on the table's size.
        """
        if self.size == 1:
            return
        for parameter in parameters:
            table = torch.zeros_like(parameter[:0])
            own, values = torch.zeros(0, dtype=torch.int64, device=table.device), table
            if parameter.grad is not None:
                gradient = parameter.grad.coalesce()
                own, values = gradient.indices()[0], gradient.values()
            rows = torch.unique(self.concatenated(own))
            summed = table.new_zeros(len(rows), *table.shape[1:])
            summed[torch.searchsorted(rows, own)] = values
            dist.all_reduce(summed)
            parameter.grad = torch.sparse_coo_tensor(
                rows.unsqueeze(0),
                summed,
                parameter.shape,
                is_coalesced=True,
                check_invariants=False,
            )

    def parallel(self, module: nn.Module, apart: Iterable[str] = ()) -> nn.Module:
        """The module, with gradients that its backward pass sums over the workers.

        Those of the parameters named in `apart` it leaves alone.
        """
        if self.size == 1:
            return module
        # It would take sparse gradients for dense ones, which it packs into its buffers.
        ignore: Callable[..., None] = (
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        )
        ignore(module, list(apart))
        gpus = [self.device.index] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(
            module, device_ids=gpus, forward_sync_buffers=False, init_sync=False
        )
        # By lambda, since torch compares annotations with types, and here they are text.
        wrapped.register_comm_hook(None, lambda _, bucket: _sum(bucket))
        return wrapped

    def agree(self, what: str, fingerprint: str) -> None:
        """Raise ConfigError at every worker unless all of them have equal fingerprints."""
        found = [bytes(one) for one in self.gather(np.frombuffer(fingerprint.encode(), np.uint8))]
        if other := [rank for rank, one in enumerate(found) if one != found[0]]:
            raise ConfigError(
                f"worker {other[0]} has another {what} than worker 0: give each machine the same"
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Either all workers come through, or all end: one says why, the others are silent.

        For what every worker does for itself, without exchange.
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
    """Gradients are summed: each worker's loss is already its share of the whole batch's mean."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    first: torch.futures.Future[Tensor] = work.get_future().then(lambda done: done.value()[0])
    return first


@contextmanager
def join(say: Callable[[str], None] = print) -> Iterator[Workers]:
    """The workers that torchrun started, this one among them; without torchrun it is alone.

    Raises WorkerError when another one is gone. Where torchrun ends this one before it has seen
    that, the same is told to `say`.
    """
    workers = _from_environment()
    if workers.size == 1:
        yield ALONE
        return
    with _listening(say):
        try:
            _connect(workers)
            yield workers
        except RuntimeError as error:
            text = str(error).lower()
            if not isinstance(error, dist.DistError) and "gloo" not in text and "nccl" not in text:
                raise
            raise WorkerError(GONE) from error
        finally:
            # Else gloo's threads, which see the others leave, may end the process their own way.
            with suppress(RuntimeError, AssertionError):
                dist.destroy_process_group()


def _from_environment() -> Workers:
    """What torchrun tells its workers; ConfigError where somebody else has told a part of it."""
    told = os.environ
    if "WORLD_SIZE" not in told:
        return ALONE
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    size = told["WORLD_SIZE"]
    if size != "1" and (missing := [name for name in needed if name not in told]):
        raise ConfigError(
            f"WORLD_SIZE is {size}, but {missing[0]} is not set: start training on several workers "
            "with torchrun, or unset WORLD_SIZE"
        )
    names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    try:
        return Workers(*(int(told.get(name, default)) for name, default in names.items()))
    except ValueError as error:
        raise ConfigError(
            f"one of {', '.join(names)} is no number ({error}): start with torchrun, or unset them"
        ) from None


def _connect(workers: Workers) -> None:
    try:
        store, *_ = next(rendezvous("env://", timeout=WAIT))
    except ValueError as error:
        raise ConfigError(f"the workers cannot meet ({error}): start with torchrun") from None
    if workers.size == workers.local_size:
        # torchrun's own store outlives a restart on one machine, with the addresses of the dead.
        # On several it makes a new one, and the machines may have counted other restarts.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = PrefixStore(f"attempt {attempt}", store)
    on_gpu = workers.device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(workers.device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        timeout=WAIT,
        store=store,
        rank=workers.rank,
        world_size=workers.size,
    )


@contextmanager
def _listening(say: Callable[[str], None]) -> Iterator[None]:
    """Inside, SIGTERM ends the process with a sentence, even while it waits for other workers.

    Python's own handlers run only when torch comes back from that, and torchrun is not patient.
    """
    inside, outside = os.pipe()
    os.set_blocking(outside, False)

    def listen() -> None:
        while number := os.read(inside, 1):
            if number[0] == signal.SIGTERM:
                say(ENDED)
                os._exit(2)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(outside, warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        os.close(outside)
        listener.join()
        os.close(inside)
        signal.signal(signal.SIGTERM, before)


def step_generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """Chance that is the same for all workers at a step, and the same when it is done again.

    For the items that sampled losses draw, which all workers must draw alike.
    """
    (state,) = np.random.SeedSequence([seed, epoch, 2, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def own_seed(workers: Workers, *numbers: int) -> int:
    """A seed of this worker's own, so that no two drop the same activations."""
    sequence = np.random.SeedSequence([*numbers, 3, workers.rank])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
