"""pocketrec bench: what a bundle costs a device."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import BundleError
from . import log
from .common import AsJson, cell, out, print_json

CALLS = 500

_CHILD = """
import json, resource, sys, time
import numpy as np
from pathlib import Path
from pocketrec.bundle.folder import open_bundle
start = time.perf_counter()
bundle = open_bundle(Path(sys.argv[1]))
result = {}
for threads in (1, 2):
    device = bundle.device(threads)
    random = np.random.default_rng(1)
    items, length = bundle.shapes.items, bundle.shapes.length
    histories = [random.integers(1, items + 1, length).astype(np.int32) for _ in range(20)]
    device.recommend(histories[0], k=10)
    loaded = time.perf_counter() - start
    times = []
    for call in range(int(sys.argv[2])):
        begin = time.perf_counter()
        device.recommend(histories[call % 20], k=10)
        times.append((time.perf_counter() - begin) * 1e3)
    p50, p95 = np.percentile(times, [50, 95])
    result[str(threads)] = {"p50": round(p50, 4), "p95": round(p95, 4)}
    if threads == 1:
        first = loaded
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"load_ms": round(first * 1e3, 2), "latency_ms": result, "peak": peak}))
"""


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ],
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Measure size, load time, latency of full-length histories, and memory, in a fresh process."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..pretrained import find_bundle

    result = measure(find_bundle(bundle))
    if as_json:
        print_json(result)
        log.finish(then=["pocketrec", "serve", bundle])
        return
    table = Table("", "", title=cell(bundle))
    table.add_row("model", f"{result['bytes']:,} bytes")
    table.add_row("load and first call", f"{result['load_ms']} ms")
    for threads, latency in result["latency_ms"].items():
        table.add_row(
            f"recommend, {threads} thread{'s' * (threads != '1')}",
            f"p50 {latency['p50']} ms, p95 {latency['p95']} ms",
        )
    table.add_row("peak memory of the process", f"{result['peak_rss_mb']} MB")
    table.add_row("operators", ", ".join(result["ops"]))
    out.print(table)
    log.finish(then=["pocketrec", "serve", bundle])


def measure(path: Path) -> dict[str, Any]:
    """The figures of a bundle: bytes, milliseconds (median and 95th percentile), megabytes."""
    from ..bundle.folder import open_bundle
    from ..bundle.trial import run_child, try_out

    bundle = open_bundle(path)
    try_out(bundle.model, bundle.manifest)  # once for each model, and so no part of its loading
    child = run_child(_CHILD, str(path), str(CALLS), timeout=600)
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace").strip().splitlines()
        raise BundleError(f"the model cannot be run: {(said or [f'exit {child.returncode}'])[-1]}")
    found = json.loads(child.stdout.splitlines()[-1])
    return {
        "bytes": len(bundle.model),
        "load_ms": found["load_ms"],
        "latency_ms": found["latency_ms"],
        "peak_rss_mb": round(found["peak"] / (1024 if sys.platform != "darwin" else 2**20), 1),
        "ops": bundle.manifest["operators"],
    }
