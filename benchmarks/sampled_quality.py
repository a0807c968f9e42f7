"""NDCG@10 of sampled losses beside the full softmax, by size of the catalogue.

    python benchmarks/sampled_quality.py --out FOLDER [--items 10000] [--epochs 6]
    python benchmarks/sampled_quality.py --out FOLDER --config CONFIG --data PREPARED

The logs are those of synthetic.py; with --config and --data, your own prepared data. Each loss
trains the same model for the same epochs from the same seed; figures are of the test users, by
full ranking, with 95 % intervals, beside the baselines. Results in FOLDER are not repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pocketrec as pr
from progress import print_epoch
from synthetic import make_world

WAYS = {
    "softmax": ["training.loss=softmax"],
    "sampled_softmax": ["training.loss=sampled_softmax"],
    "sampled_softmax, 4096": ["training.loss=sampled_softmax", "training.negatives=4096"],
    "in_batch": ["training.loss=in_batch"],
}


def make_data(folder: Path, items: int, users: int, events_per_user: int) -> tuple[Path, Path]:
    """The config and the prepared data of a world, made unless they are there."""
    config, data = folder / "world.toml", folder / "data"
    if not config.exists():
        make_world(folder, items, users, events_per_user)
    if not data.exists():
        pr.prepare(pr.Config.load(config), data)
    return config, data


def measure(
    config: Path, data: Path, folder: Path, settings: list[str], ways: list[str]
) -> dict[str, Any]:
    """Train with each loss; NDCG@10 on the test users, and of the baselines."""
    figures: dict[str, Any] = {}
    for way in ways:
        run = folder / f"run-{way.replace(', ', '-')}"
        changed = pr.Config.load(config, [*WAYS[way], *settings])
        prepared = pr.PreparedData.open(data)
        trained = pr.train(changed, prepared, run, resume=True, on_epoch=print_epoch)
        report = pr.evaluate(trained, prepared).to_json()
        metrics = (run / "metrics.jsonl").read_text().splitlines()
        figures[way] = {
            "ndcg@10": report["metrics"]["ndcg@10"],
            "labels_per_second": round(json.loads(metrics[-1])["labels_per_second"]),
        }
        for name, baseline in report["baselines"].items():
            figures[name] = {"ndcg@10": baseline["ndcg@10"]}
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000])
    parser.add_argument("--users", type=int, default=40_000, help="users of a synthetic log")
    parser.add_argument("--events-per-user", type=int, default=25)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS)[:2])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--config", type=Path, help="config of your own prepared data")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    settings = [f"training.epochs={arguments.epochs}", *arguments.set]
    results = {}
    if arguments.config is not None:
        paths = arguments.config, arguments.data, arguments.out
        results[arguments.config.stem] = measure(*paths, settings, arguments.ways)
    for items in [] if arguments.config is not None else arguments.items:
        folder = arguments.out / f"world-{items}"
        made = make_data(folder, items, arguments.users, arguments.events_per_user)
        results[f"{items:,} items"] = measure(*made, folder, settings, arguments.ways)
    if arguments.json:
        print(json.dumps(results))
        return
    for name, by_way in results.items():
        print(name)
        for way, result in by_way.items():
            ndcg = result["ndcg@10"]
            speed = result.get("labels_per_second")
            print(
                f"    {way:<22} NDCG@10 {ndcg['value']:.4f} [{ndcg['low']:.4f}, {ndcg['high']:.4f}]"
                + (f"  {speed:,} labels/s" if speed else "")
            )


if __name__ == "__main__":
    main()
