"""Events per CPU second and peak memory of `pocketrec prepare`, by size of log and buckets.

    python benchmarks/preparation.py [--events 5000000] [--buckets 4 16] [--json]

The log is made: users and items with a skewed popularity, times at random, one Parquet file.
Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

CHUNK = 1_000_000


def make_log(folder: Path, events: int) -> None:
    """Write `events` events of events/40 users and 20,000 items, a million a file."""
    random = np.random.default_rng(1)
    folder.mkdir()
    for number, begin in enumerate(range(0, events, CHUNK)):
        count = min(CHUNK, events - begin)
        pl.DataFrame(
            {
                "user_id": random.integers(0, max(2, events // 40), count),
                "item_id": np.minimum(random.zipf(1.3, count), 20_000),
                "timestamp": random.integers(1_500_000_000, 1_700_000_000, count),
            }
        ).write_parquet(folder / f"{number:05d}.parquet")


def measure(folder: Path, buckets: int) -> dict[str, Any]:
    """Prepare the log in a child; its CPU seconds and peak memory."""
    config = folder / f"log-{buckets}.toml"
    config.write_text(f'[data]\npath = "events"\nexclude_seen = false\nbuckets = {buckets}\n')
    out = folder / f"prepared-{buckets}"
    command = [sys.executable, "-m", "pocketrec", "prepare", str(config), "--out", str(out)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--buckets", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        make_log(Path(scratch) / "events", arguments.events)
        found = {buckets: measure(Path(scratch), buckets) for buckets in arguments.buckets}
    if arguments.json:
        print(json.dumps({"events": arguments.events, "buckets": found}))
        return
    for buckets, result in found.items():
        speed = arguments.events / result["cpu_seconds"]
        print(
            f"{arguments.events:,} events, {buckets} buckets: {result['cpu_seconds']} CPU s "
            f"({speed:,.0f} events per CPU second), peak {result['peak_mb']} MB"
        )


if __name__ == "__main__":
    main()
