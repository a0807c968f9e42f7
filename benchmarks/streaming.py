"""Peak memory of training against the events of the log, with a budget for a round and without.

    python benchmarks/streaming.py [--events 500000 2000000 8000000] [--budget 500000] [--json]

Each point is an epoch in a process of its own, on random prepared data that are written for it (50
events a user, 16 shards): a small model, successors counted, no validation. Without a budget all
events are one round. Draws docs/plots/streaming.svg with --plot.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from plots import draw
from pocketrec.config.sections import Config
from pocketrec.preparation.data import PreparedData
from pocketrec.training.pipeline import run_training
from prepared import write_prepared

MEAN, ITEMS = 50, 2000


def config_of(shards: int, budget: int) -> Config:
    """A small model, trained once over the data."""
    data = {"path": "none.csv", "exclude_seen": False, "buckets": shards}
    training = {"epochs": 1, "batch_labels": 16384, "round_events": budget, "threads": 1}
    training |= {"loss": "sampled_softmax", "negatives": 64}
    model = {"encoder": "bow", "dim": 16, "max_length": 50}
    return Config.parse({"data": data, "model": model, "training": training}, name="streaming")


def train_once(data: Path, run: Path, shards: int, budget: int) -> dict[str, float]:
    """Peak memory, time and labels of an epoch in this process."""
    began = time.perf_counter()
    steps: list[int] = []
    run_training(
        config_of(shards, budget),
        PreparedData.open(data),
        run,
        lambda _: 0.0,
        resume=False,
        on_progress=lambda step: steps.append(step.steps),
        on_epoch=lambda _: None,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # on Linux in KiB
    return {"mb": round(peak), "seconds": round(time.perf_counter() - began, 1), "steps": steps[-1]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    sizes = [500_000, 2_000_000, 8_000_000]
    parser.add_argument("--events", type=int, nargs="+", default=sizes, help="sizes of the log")
    parser.add_argument("--budget", type=int, default=500_000, help="training.round_events")
    parser.add_argument("--shards", type=int, default=16, help="data.buckets")
    parser.add_argument("--plot", action="store_true", help="draw docs/plots/streaming.svg")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        data, run = map(Path, arguments.once)
        print(json.dumps(train_once(data, run, arguments.shards, arguments.budget)))
        return
    whole, rounds = "all events at once", f"rounds of {arguments.budget:,} events"
    results: dict[str, dict[int, dict[str, float]]] = {whole: {}, rounds: {}}
    for events in arguments.events:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            config = config_of(arguments.shards, 1)
            trained = write_prepared(data, config, users=events // MEAN, items=ITEMS, mean=MEAN)
            for name, budget in ((whole, 2**31 - 1), (rounds, arguments.budget)):
                sizes = ["--shards", str(arguments.shards), "--budget", str(budget)]
                words = [sys.executable, __file__, "--once", data, Path(folder) / name, *sizes]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                results[name][trained] = json.loads(done.stdout)
                if not arguments.json:
                    print(f"{trained:>12,} events, {name:<28}{results[name][trained]}", flush=True)
    if arguments.json:
        print(json.dumps(results))
    if arguments.plot:
        lines = {
            name: {events: point["mb"] for events, point in points.items()}
            for name, points in results.items()
        }
        title = "Training one epoch"
        panels = [("peak memory, MB", lines)]
        print(draw("streaming", panels, x="training events", title=title, log_y=False))


if __name__ == "__main__":
    main()
