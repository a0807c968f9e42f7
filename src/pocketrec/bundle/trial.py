"""The trial run: a model that never ran on this machine runs in a child process first.

The runtime checks a file's form, not what its operators read, so an untrusted file can crash it or
use up all memory. The child crashes instead of the app. Models that pass are remembered by their
hash, so each costs this once. It guards against crashes and is no sandbox: docs/threat-model.md
says what it does not stop.
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
from ..storage import cache
from .contract import GraphSpec
from .device import DeviceModel
from .golden import check_golden
from .inputs import LARGEST, LARGEST_OF_STATE
from .query import Query

SECONDS = 60
"""Of processor time, and of clock time, that a trial run may take; an honest model takes one."""
MEMORY = 4 * 2**30
"""Bytes of address space that a trial run may use, beside eight times the model's size."""

KEYS = ("shapes", "features", "exclude_seen", "quantization", "golden")
"""Entries of the manifest that say how the model is run."""
REFUSED = 3
"""Exit status of a child that found an error; its output is the sentence."""
RUNS = "it runs"
"""Last line of a child whose model passed."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Every thread of a library takes some of the address space that a trial run may use."""

_passed: set[str] = set()


def try_out(model: bytes, manifest: Mapping[str, Any], *, seconds: float = SECONDS) -> None:
    """Run a model in a child process, unless it passed before; `manifest` is its bundle's.

    Raises BundleError when the child crashes, finds an error or takes too long. Where no child can
    be started (a frozen app, a phone) there is no trial run, and the app must trust its bundles.
    """
    key = _key(model, manifest)
    # With an embedded Python, sys.executable is the app itself: starting it is no trial run.
    if (
        key in _passed
        or cache.is_remembered("tried", key)
        or "python" not in Path(sys.executable or "").name.lower()
    ):
        return
    header = json.dumps({name: manifest[name] for name in KEYS}).encode()
    try:
        child = run_child(
            "from pocketrec.bundle.trial import main; main()",
            input=header + b"\n" + model,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"the model's trial run took more than {seconds} seconds") from None
    except OSError:
        return
    if child.returncode < 0:
        with suppress(ValueError):
            name = signal.Signals(-child.returncode).name
            raise BundleError(f"the model crashes the runtime ({name})")
    last_line = child.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    # Where an app ignores SIGCHLD, every child seems to exit with 0: the last line tells.
    if child.returncode or last_line != RUNS:
        raise BundleError(last_line if child.returncode == REFUSED else "the model cannot be run")
    remember(model, manifest)


def run_child(code: str, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run some Python of ours in a child process that imports what this one imports."""
    paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    return subprocess.run(  # noqa: S603 (our own interpreter and our own text)
        # -P: files of the current folder are not imported.
        [sys.executable, "-P", "-c", code, *words],
        capture_output=True,
        env={**_ONE_THREAD, **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        **options,
    )


def remember(model: bytes, manifest: Mapping[str, Any]) -> None:
    """Record that a model runs on this machine: it passed its trial run, or was made here."""
    key = _key(model, manifest)
    _passed.add(key)
    cache.remember("tried", key)


def _key(model: bytes, manifest: Mapping[str, Any]) -> str:
    # Another version of the runtime may crash where this one does not.
    run_by = [version("ai-edge-litert"), *(manifest[name] for name in KEYS)]
    digest = hashlib.sha256(json.dumps(run_by).encode())
    digest.update(model)
    return digest.hexdigest()


def main() -> None:
    """The child: read how the model is run, and the model; exit with 0 if it runs."""
    manifest, model = json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()
    _limit(len(model))
    try:
        device = DeviceModel(model, GraphSpec.from_json(manifest))
        check_golden(manifest, device)
        _go_to_extremes(device)
        sys.stdout.write(f"\n{RUNS}")
    except BundleError as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("the model needs more memory than a trial run may use")


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
        with suppress(ValueError, OSError):  # a lower limit is in force already
            resource.setrlimit(limit, (value, value))


def _go_to_extremes(device: DeviceModel) -> None:
    """Ask with the longest, the shortest and the largest of everything."""
    shapes, last, steps = device.spec.shapes, device.spec.shapes.items, device.steps
    everything = np.arange(1, last + 1, dtype=np.int32)
    vector = np.full(shapes.dim, LARGEST, np.float32)
    few = everything[-shapes.candidates :]
    for history in (everything[:0], everything[-1:], np.full(shapes.length, last, np.int32)):
        features = {
            feature.input: np.full(feature.shape(len(history)), feature.encoding.rows - 1, np.int32)
            for feature in device.spec.features
        }
        for blocked in (everything[:0], everything[-shapes.blocked :]):
            for user in (None, vector, -vector):
                device.recommend(Query(history, features, blocked, user), k=shapes.results)
        device.score(Query(history, features), few)
        for extreme in (-LARGEST_OF_STATE, 0, LARGEST_OF_STATE) if steps else ():
            state = np.full(shapes.state, extreme, np.float32)
            query = Query(history, features, user_vector=vector)
            device.step(state, query, k=shapes.results)
    for target in (1, -1):
        targets = np.full(len(few), target, np.float32)
        device.adapt(few, targets, learning_rate=LARGEST, user_vector=vector)
