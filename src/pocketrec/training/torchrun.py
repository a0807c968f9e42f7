"""Connect the workers that torchrun started, and end cleanly when one of them is gone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from ..errors import ConfigError, WorkerError
from .distributed import ALONE, Workers

WAIT = timedelta(minutes=30)
"""Longest wait for another worker: the lead may be counting successors."""

GONE = (
    "another worker is gone, and training cannot go on without it: start the same command again "
    "with --resume"
)

ENDED = (
    "this worker was told to end, as torchrun does when another worker is gone: start the same "
    "command again with --resume"
)


@contextmanager
def join(say: Callable[[str], None] = print) -> Iterator[Workers]:
    """Connect to the other workers that torchrun started; without torchrun there are none.

    Raises WorkerError when another worker is gone. If torchrun ends this process before it notices,
    `say` gets the message instead.
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
            # Only the text of some errors tells that a connection, not our code, has failed.
            text = str(error).lower()
            if not isinstance(error, dist.DistError) and "gloo" not in text and "nccl" not in text:
                raise
            raise WorkerError(GONE) from error
        finally:
            # Otherwise gloo's threads may abort the process when they see the others leave.
            with suppress(RuntimeError, AssertionError):
                dist.destroy_process_group()


def _from_environment() -> Workers:
    """This worker, from torchrun's variables; ConfigError if only some of them are set."""
    variables = os.environ
    if "WORLD_SIZE" not in variables:
        return ALONE
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    size = variables["WORLD_SIZE"]
    if size != "1" and (missing := [name for name in needed if name not in variables]):
        raise ConfigError(
            f"WORLD_SIZE is {size}, but {missing[0]} is not set: start training on several workers "
            "with torchrun, or unset WORLD_SIZE"
        )
    names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    try:
        return Workers(*(int(variables.get(name, default)) for name, default in names.items()))
    except ValueError as error:
        raise ConfigError(
            f"one of {', '.join(names)} is not a number ({error}): start with torchrun, or unset "
            "them"
        ) from None


def _connect(workers: Workers) -> None:
    """Join torch's process group."""
    try:
        store, *_ = next(rendezvous("env://", timeout=WAIT))
    except ValueError as error:
        raise ConfigError(f"the workers cannot connect ({error}): start with torchrun") from None
    if workers.size == workers.local_size:
        # On one machine torchrun keeps its store over a restart, with the addresses of processes
        # that have ended, so each attempt gets keys of its own. On several machines it makes a new
        # store, and their restart counts may differ.
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
    """Inside, SIGTERM ends the process with a message, even while it waits for other workers.

    Python runs its signal handlers only after torch returns from waiting, and torchrun kills the
    process before that. So a thread reads the signal's number from a pipe.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def listen() -> None:
        while number := os.read(reading, 1):
            if number[0] == signal.SIGTERM:
                say(ENDED)
                os._exit(2)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        os.close(writing)  # ends the thread's loop
        listener.join()
        os.close(reading)
        signal.signal(signal.SIGTERM, before)
