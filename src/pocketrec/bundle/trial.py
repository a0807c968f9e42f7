"""A model that was never run here is run in a child process first: what crashes, crashes there.

The runtime checks a file's form, not what its operators read, and a stranger's file may be made to
crash it, or to use up all memory. What ends well is remembered by its hash, so that a bundle costs
this once. It guards against crashes, and is no sandbox: docs/threat-model.md says what it does not
stop.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BundleError
from ..features.encoding import Feature
from ..storage.cache import default_cache
from .contract import Shapes
from .device import DeviceModel
from .golden import check_golden
from .inputs import LARGEST, LARGEST_OF_STATE

SECONDS = 60
"""Of processor and of clock that a trial may take; it takes one."""
MEMORY = 4 * 2**30
"""Bytes of addresses that a trial may use, beside eight times the model."""

TOLD = ("shapes", "features", "exclude_seen", "quantization", "golden")
"""Of the manifest: how the model is run."""
REFUSED = 3
RUNS = "it runs"
"""Last line of a child whose model does."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Each thread of a library would take addresses of those that a trial may use."""

_tried: set[str] = set()


def try_out(model: bytes, manifest: Mapping[str, Any]) -> None:
    """Run a model in a child process, unless it once ended well; `manifest` is its bundle's.

    Raises BundleError when the child crashes, finds an error or takes too long. Where no child can
    be started (a frozen app, a phone) nothing is tried, and the app has to know whom it trusts.
    """
    key = _key(model, manifest)
    # The program that runs an embedded Python is no Python, and not to be started again.
    if _is_remembered(key) or "python" not in Path(sys.executable or "").name.lower():
        return
    told = json.dumps({name: manifest[name] for name in TOLD}).encode()
    try:
        child = run_child(
            "from pocketrec.bundle.trial import main; main()",
            input=told + b"\n" + model,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"the model was tried and not done after {SECONDS} seconds") from None
    except OSError:
        return
    if child.returncode < 0:
        with suppress(ValueError):
            name = signal.Signals(-child.returncode).name
            raise BundleError(f"the model crashes the runtime ({name})")
    said = child.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    # Where children are not waited for (SIGCHLD ignored) all of them seem to end with 0.
    if child.returncode or said != RUNS:
        raise BundleError(said if child.returncode == REFUSED else "the model cannot be run")
    remember(model, manifest)


def run_child(code: str, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run some Python of ours in a process of its own, that imports what this one does."""
    paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    return subprocess.run(  # noqa: S603 (our own interpreter and our own text)
        # -P: what lies in the current folder is not imported.
        [sys.executable, "-P", "-c", code, *words],
        capture_output=True,
        env={**_ONE_THREAD, **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        **options,
    )


def remember(model: bytes, manifest: Mapping[str, Any]) -> None:
    """Note that a model runs: it was tried, or made here."""
    key = _key(model, manifest)
    _tried.add(key)
    with suppress(OSError, RuntimeError):  # no home, or nothing can be written there
        place = _place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def _is_remembered(key: str) -> bool:
    if key in _tried:
        return True
    try:
        return _place(key).is_file()
    except (OSError, RuntimeError):
        return False


def _place(key: str) -> Path:
    return default_cache() / "tried" / key


def _key(model: bytes, manifest: Mapping[str, Any]) -> str:
    told = [version("ai-edge-litert"), *(manifest[name] for name in TOLD)]
    digest = hashlib.sha256(json.dumps(told).encode())
    digest.update(model)
    return digest.hexdigest()


def main() -> None:
    """The child: read how the model is run, and the model; exit with 0 if it runs."""
    told, model = json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()
    _limit(len(model))
    try:
        shapes = Shapes(**told["shapes"])
        features = [Feature.from_json(entry) for entry in told["features"]]
        device = DeviceModel(model, shapes, exclude_seen=told["exclude_seen"], features=features)
        check_golden(told, device)
        _go_to_extremes(device)
        sys.stdout.write(f"\n{RUNS}")
    except BundleError as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("the model needs more memory than any of ours")


def _refuse(sentence: str) -> None:
    sys.stdout.buffer.write(sentence.encode())
    sys.exit(REFUSED)


def _limit(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_AS: MEMORY + 8 * size,
    }
    for limit, value in limits.items():
        with suppress(ValueError, OSError):  # a lower one is in force
            resource.setrlimit(limit, (value, value))


def _go_to_extremes(device: DeviceModel) -> None:
    """Ask with the longest, the shortest and the largest of everything."""
    shapes, last = device.shapes, device.shapes.items
    everything = np.arange(1, last + 1, dtype=np.int32)
    vector = np.full(shapes.dim, LARGEST, np.float32)
    for history in (everything[:0], everything[-1:], np.full(shapes.length, last, np.int32)):
        rows = {
            feature.input: np.full(feature.shape(len(history)), feature.encoding.rows - 1, np.int32)
            for feature in device.features
        }
        for blocked in (everything[:0], everything[-shapes.blocked :]):
            for user in (None, vector, -vector):
                device.recommend(
                    history, k=shapes.results, blocked=blocked, user_vector=user, features=rows
                )
        device.score(history, everything[-shapes.candidates :], features=rows)
        for extreme in (-LARGEST_OF_STATE, 0, LARGEST_OF_STATE) if device.steps else ():
            state = np.full(shapes.state, extreme, np.float32)
            device.step(state, history, k=shapes.results, user_vector=vector, features=rows)
    few = everything[-shapes.candidates :]
    for target in (1, -1):
        targets = np.full(len(few), target, np.float32)
        device.adapt(few, targets, learning_rate=LARGEST, user_vector=vector)
