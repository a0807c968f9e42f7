"""Labels per second of training by one process and by two, in one run.

    python benchmarks/distributed.py [--users 600] [--epochs 2] [--rounds 1] [--json]

The model and the sizes of MovieLens 1M (165 events a user, 3,700 items; --users 6040 is all of
it), random events, full softmax. Ways: one process of one thread, two of one thread each, one of
two threads; each round measures all of them, the median over rounds and epochs is printed. Beside
them what the hash of users to shards costs: the larger worker's share of a batch, where a half is
best.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pocketrec.config.sections import Config
from pocketrec.preparation.data import PreparedData
from pocketrec.training.distributed import Workers
from pocketrec.training.rounds import Rounds
from prepared import write_prepared

TOML = """\
[data]
path = "none.csv"
exclude_seen = false
[training]
batch_labels = {labels}
epochs = {epochs}
validate_every = 1000
validate_users = 100
"""
WAYS = {
    "1 process, 1 thread": (1, 1),
    "2 processes, 1 thread": (2, 1),
    "1 process, 2 threads": (1, 2),
}
"""Processes, and threads of each."""


def speeds(folder: Path, processes: int, threads: int) -> list[float]:
    """Labels per second of each epoch of a run."""
    run = folder / "run"
    launcher = ["torch.distributed.run", "--nproc-per-node", str(processes), "-m"]
    words = [
        *([sys.executable, "-m"] + (launcher if processes > 1 else [])),
        *("pocketrec", "train", folder / "c.toml", "--data", folder / "data", "--out", run),
        *("--set", f"training.threads={threads}"),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(words, check=True, capture_output=True, env=environment)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    for file in sorted(run.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    run.rmdir()
    return [json.loads(line)["labels_per_second"] for line in lines]


def larger_share(folder: Path) -> float:
    """Mean over batches of the larger worker's share of the labels."""
    data, config = PreparedData.open(folder / "data"), Config.load(folder / "c.toml")
    parts = [Rounds(data, config, (), Workers(rank, 2)).epoch(0).after(0) for rank in range(2)]
    shares = [max(one.share, two.share) for one, two in zip(*parts, strict=True)]
    return statistics.mean(shares)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--users", type=int, default=600, help="MovieLens 1M has 6,040")
    parser.add_argument("--labels", type=int, default=4096, help="training.batch_labels")
    parser.add_argument("--epochs", type=int, default=2, help="epochs in one measurement")
    parser.add_argument("--rounds", type=int, default=1, help="measurements of each way")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    measured: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "c.toml").write_text(TOML.format(**vars(arguments)))
        config = Config.load(folder / "c.toml")
        write_prepared(folder / "data", config, users=arguments.users, items=3700, mean=165)
        share = larger_share(folder)
        for _ in range(arguments.rounds):
            for way, (processes, threads) in WAYS.items():
                measured[way] += speeds(folder, processes, threads)
    medians = {way: statistics.median(values) for way, values in measured.items()}
    if arguments.json:
        print(json.dumps({"labels_per_second": medians, "larger_share": share}))
        return
    base = medians["1 process, 1 thread"]
    for way, value in medians.items():
        low, high = min(measured[way]), max(measured[way])
        print(f"{way:<24}{value:>9,.0f} labels/s {value / base:6.2f} x  ({low:,.0f}-{high:,.0f})")
    print(f"of a batch the larger of two workers' parts is {share:.3f} on average")


if __name__ == "__main__":
    main()
