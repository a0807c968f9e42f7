"""What `pocketrec prepare` takes: CPU and wall seconds, and peak memory, by events and engine.

    python benchmarks/preparation.py [--growth 1000000 10000000 100000000] [--plot] [--json]
    python benchmarks/preparation.py --growth --engines 5000000 --skewed 10000000
    python benchmarks/preparation.py --growth 5000000 --buckets 4 16

Logs are made: users and items with a skewed popularity, times at random, a million events a
Parquet file. --growth prepares logs of these sizes on this machine; --engines one of that size
on this machine and by Beam on its runner in this process; --skewed one of that size in which half
of the events are of one item, and a quarter are of one user. Each measurement is a process of its
own, because peak memory is counted per process. --plot draws docs/plots/preparation.svg of the
growth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from plots import draw

CHUNK = 1_000_000
SIZES = [1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000]


def make_log(folder: Path, events: int, *, skewed: bool = False) -> None:
    """Write `events` events of events/40 users and 20,000 items, a million a file."""
    random = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for number, begin in enumerate(range(0, events, CHUNK)):
        count = min(CHUNK, events - begin)
        users = random.integers(0, max(2, events // 40), count)
        items = np.minimum(random.zipf(1.3, count), 20_000)
        if skewed:
            users[random.random(count) < 0.25] = 7
            items[random.random(count) < 0.5] = 7
        pl.DataFrame(
            {
                "user_id": users,
                "item_id": items,
                "timestamp": random.integers(1_500_000_000, 1_700_000_000, count),
            }
        ).write_parquet(folder / f"{number:05d}.parquet")


def measure(folder: Path, *, buckets: int | None = None, engine: str = "local") -> dict[str, Any]:
    """Prepare the log in a child: its seconds, its peak memory, and hashes of what it wrote."""
    config, out = folder / "log.toml", folder / f"prepared-{engine}-{buckets}"
    number = "" if buckets is None else f"buckets = {buckets}\n"
    config.write_text(f'[data]\npath = "events"\nexclude_seen = false\n{number}')
    words = ["prepare", str(config), "--out", str(out), "--engine", engine, "--quiet"]
    begin = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "pocketrec", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begin
    if status:
        sys.exit(f"pocketrec {' '.join(words)} failed")
    manifest = json.loads((out / "manifest.json").read_text())
    cpu = usage.ru_utime + usage.ru_stime
    events = manifest["counts"]["rows"]
    return {
        "events": events,
        "buckets": len(manifest["files"]) - 1,
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(seconds, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "events_per_cpu_second": round(events / cpu),
        "files": manifest["files"],
    }


def prepared(events: int, *, skewed: bool = False, **how: Any) -> list[dict[str, Any]]:
    """Measurements of one log: of each value in the one list of `how`."""
    ((name, values),) = how.items()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_log(folder / "events", events, skewed=skewed)
        return [measure(folder, **{name: value}) for value in values]


def show(title: str, result: dict[str, Any]) -> None:
    """One line."""
    print(
        f"{title}: {result['events']:,} events, {result['buckets']} buckets: "
        f"{result['cpu_seconds']} CPU s ({result['events_per_cpu_second']:,} events per CPU "
        f"second), {result['wall_seconds']} s, peak {result['peak_mb']} MB",
        flush=True,
    )


def plot(growth: list[dict[str, Any]]) -> None:
    """Seconds and memory by events."""
    lines = {
        name: {result["events"]: result[key] for result in growth}
        for name, key in (("CPU", "cpu_seconds"), ("wall", "wall_seconds"))
    }
    memory = {"peak": {result["events"]: result["peak_mb"] for result in growth}}
    draw(
        "preparation",
        [("seconds", lines), ("MB", memory)],
        x="events",
        title="pocketrec prepare on one machine",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--growth", type=int, nargs="*", default=SIZES)
    parser.add_argument("--buckets", type=int, nargs="+", default=[None])
    parser.add_argument("--engines", type=int, nargs="?", const=5_000_000)
    parser.add_argument("--skewed", type=int, nargs="?", const=10_000_000)
    parser.add_argument("--plot", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    by_title: dict[str, list[dict[str, Any]]] = {}

    def take(title: str, results: list[dict[str, Any]]) -> None:
        for result in results:
            if not arguments.json:
                show(title, result)
        by_title.setdefault(title, []).extend(results)

    for events in arguments.growth:
        take("growth", prepared(events, buckets=arguments.buckets))
    if arguments.engines:
        results = prepared(arguments.engines, engine=["local", "beam"])
        for engine, result in zip(("local", "beam"), results, strict=True):
            take(engine, [result])
        if results[0]["files"] != results[1]["files"]:
            sys.exit("the two engines wrote different files")
    if arguments.skewed:
        take("skewed", prepared(arguments.skewed, skewed=True, buckets=[None]))
    if arguments.plot:
        plot(by_title["growth"])
    if arguments.json:
        for result in (one for results in by_title.values() for one in results):
            del result["files"]
        print(json.dumps(by_title))


if __name__ == "__main__":
    main()
