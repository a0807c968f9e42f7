"""What the catalogue's size costs on a device: bytes, memory, and milliseconds on one thread.

    python benchmarks/million.py [--items 10000 100000 1000000] [--kinds float32 int8 int4 pq]
        [--calls 50] [--json] [--plot]

The model has random weights, because time does not depend on them: a transformer of d = 64 and
L = 50, which is small beside a large catalogue. Each file runs in a process of its own; its memory
is the most by which the process grew to load and run it, the file's bytes included. Milliseconds
are medians. Between the calls, the floor is measured: one thread reads as many bytes as the item
table has, eight at a time, the least that reading every item can cost. `score` is
of 1,000 candidates. `--plot` draws docs/plots/million.svg.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DIM, LENGTH, RESULTS, CANDIDATES = 64, 50, 100, 1000
KINDS = ("float32", "int8", "int4", "pq")
CODE_BYTES = 8
NUMBER = {"float32": DIM * 4, "int8": DIM, "int4": DIM // 2, "pq": CODE_BYTES}
"""Bytes of an item's numbers."""


def make_files(items: int, kinds: list[str], folder: Path) -> dict[str, Path]:
    """One model in each kind."""
    import torch

    from pocketrec.bundle.contract import GraphSpec, Shapes
    from pocketrec.config.model import ModelConfig
    from pocketrec.conversion.codes import (
        CENTROIDS,
        CODEWORDS,
        HEAD,
        ITEMS_PER_CENTROID,
        ITEMS_PER_HEAD_ROW,
        Codes,
    )
    from pocketrec.conversion.convert import convert
    from pocketrec.conversion.quantize import quantize
    from pocketrec.models.recommender import RecommenderModel
    from pocketrec.tflite.shrink import shrink

    torch.manual_seed(1)
    random = np.random.default_rng(1)
    model = RecommenderModel(items, ModelConfig(dim=DIM, max_length=LENGTH, successors=0)).eval()
    shapes = Shapes(LENGTH, DIM, items, RESULTS, CANDIDATES, blocked=256)
    spec = GraphSpec(shapes, exclude_seen=True)
    full = convert(model, spec)
    sampled = random.integers(0, CODEWORDS, (items + 1, CODE_BYTES), np.uint8)
    count = min(CENTROIDS, max(CODEWORDS, items // ITEMS_PER_CENTROID))
    sampled[:, :2] = random.integers(0, count, items + 1, np.uint16)[:, None].view(np.uint8)
    centres = random.normal(size=(count, DIM)).astype(np.float32)
    books = random.normal(size=(CODE_BYTES - 2, CODEWORDS, DIM)).astype(np.float32)
    head = random.normal(size=(min(HEAD, items // ITEMS_PER_HEAD_ROW) + 1, DIM)).astype(np.float32)
    codes = Codes(centres, books, sampled, head)
    files = {}
    for kind in kinds:
        content = shrink(quantize(full, kind, codes if kind == "pq" else None))
        files[kind] = folder / f"{kind}-{items}.tflite"
        files[kind].write_bytes(content)
    return files


def measure(path: Path, items: int, kind: str, calls: int) -> dict[str, Any]:
    """One file's figures, in this process."""
    from pocketrec.bundle.contract import GraphSpec, Shapes
    from pocketrec.bundle.device import DeviceModel
    from pocketrec.bundle.query import Query

    before = memory("VmRSS")
    content = path.read_bytes()
    shapes = Shapes(LENGTH, DIM, items, RESULTS, CANDIDATES, blocked=256)
    spec = GraphSpec(shapes, exclude_seen=True)
    begin = time.perf_counter()
    device = DeviceModel(content, spec)
    loaded = (time.perf_counter() - begin) * 1e3
    device.recommend(Query(np.arange(1, LENGTH + 1, dtype=np.int32)), k=RESULTS)
    peak = memory("VmHWM") - before
    random = np.random.default_rng(1)
    table = random.integers(0, 2**62, items * NUMBER[kind] // 8, np.int64)
    candidates = random.permutation(items)[:CANDIDATES].astype(np.int32) + 1
    times: dict[str, list[float]] = {"recommend": [], "score": [], "floor": []}
    for _ in range(calls):
        history = random.integers(1, items + 1, LENGTH).astype(np.int32)
        for name, call in (
            ("recommend", lambda h=history: device.recommend(Query(h), k=RESULTS)),
            ("score", lambda h=history: device.score(Query(h), candidates)),
            ("floor", table.sum),
        ):
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1e3)
    medians = {name: float(np.median(samples)) for name, samples in times.items()}
    return {
        "items": items,
        "kind": kind,
        "bytes": len(content),
        "load_ms": loaded,
        "memory_mb": peak,
        **{f"{name}_ms": value for name, value in medians.items()},
        "best_recommend_ms": min(times["recommend"]),
        "recommend_by_floor": medians["recommend"] / medians["floor"],
    }


def memory(name: str) -> float:
    """Resident megabytes of this process: now (VmRSS), or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def plot(rows: list[dict[str, Any]]) -> Path:
    """Milliseconds and megabytes by items, a line for each kind."""
    from plots import draw

    def lines(name: str, scale: float = 1.0) -> dict[str, dict[float, float]]:
        kinds = dict.fromkeys(row["kind"] for row in rows)
        return {
            kind: {row["items"]: row[name] * scale for row in rows if row["kind"] == kind}
            for kind in kinds
        }

    reading = {"int8, its bytes read once": lines("floor_ms").get("int8", {})}
    return draw(
        "million",
        [
            ("ms of recommend, top 100, one thread", lines("recommend_ms") | reading),
            ("MB of model.tflite", lines("bytes", 1e-6)),
        ],
        x="items",
        title="A catalogue on the device (d = 64)",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("FILE", "ITEMS", "KIND"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        path, items, kind = arguments.one
        print(json.dumps(measure(Path(path), int(items), kind, arguments.calls)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for items in arguments.items:
            for kind, path in make_files(items, arguments.kinds, Path(scratch)).items():
                words = [sys.executable, __file__, "--calls", str(arguments.calls)]
                words += ["--one", str(path), str(items), kind]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                path.unlink()
                if not arguments.json:
                    print_row(rows[-1], is_first=len(rows) == 1)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    if arguments.plot:
        print(f"wrote {plot(rows)}", file=sys.stderr)


def print_row(row: dict[str, Any], *, is_first: bool) -> None:
    """A line of a Markdown table, after its head."""
    if is_first:
        print("| items | kind | MB | load ms | memory MB | recommend ms | score ms | floor ms |")
        print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {row['items']:,} | {row['kind']} | {row['bytes'] / 1e6:.1f} | {row['load_ms']:.0f} "
        f"| {row['memory_mb']:.0f} | {row['recommend_ms']:.2f} | {row['score_ms']:.3f} "
        f"| {row['floor_ms']:.2f} |"
    )


if __name__ == "__main__":
    main()
