"""What a bundle costs a device: size, load time, latency and memory, in a fresh process."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BundleError
from .folder import open_bundle
from .query import Query
from .trial import run_child, try_out

CALLS = 500
HISTORIES = 20
"""Different full-length histories that the calls go round."""
THREADS = (1, 2)


def measure_cost(path: Path, calls: int = CALLS) -> dict[str, Any]:
    """The figures of a bundle: bytes, milliseconds (median and 95th percentile), megabytes.

    Raises BundleError when the model cannot be run.
    """
    bundle = open_bundle(path)
    try_out(bundle.model, bundle.manifest)  # done once for each model, so not part of its loading
    code = "from pocketrec.bundle.cost import main; main()"
    child = run_child(code, str(path), str(calls), timeout=600)
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        reason = (lines or [f"exit {child.returncode}"])[-1]
        raise BundleError(f"the model cannot be run: {reason}")
    measured = json.loads(child.stdout.splitlines()[-1])
    unit = 2**20 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes or in kilobytes
    return {
        "bytes": len(bundle.model),
        "load_ms": measured["load_ms"],
        "latency_ms": measured["latency_ms"],
        "peak_rss_mb": round(measured["peak"] / unit, 1),
        "ops": bundle.manifest["operators"],
    }


def main() -> None:
    """The child process: load the bundle, call it, and print what that took."""
    import resource

    start = time.perf_counter()
    bundle = open_bundle(Path(sys.argv[1]))
    random = np.random.default_rng(1)
    items, length = bundle.spec.shapes.items, bundle.spec.shapes.length
    histories = [random.integers(1, items + 1, length).astype(np.int32) for _ in range(HISTORIES)]
    queries = [Query(history) for history in histories]
    loaded, peak, latency = 0.0, 0, {}
    for threads in THREADS:
        device = bundle.device(threads)
        device.recommend(queries[0], k=10)
        loaded = loaded or time.perf_counter() - start
        times = []
        for call in range(int(sys.argv[2])):
            begin = time.perf_counter()
            device.recommend(queries[call % HISTORIES], k=10)
            times.append((time.perf_counter() - begin) * 1e3)
        p50, p95 = np.percentile(times, [50, 95])
        latency[str(threads)] = {"p50": round(p50, 4), "p95": round(p95, 4)}
        peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {"load_ms": round(loaded * 1e3, 2), "latency_ms": latency, "peak": peak}
    sys.stdout.write(json.dumps(result) + "\n")
