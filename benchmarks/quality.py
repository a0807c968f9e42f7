"""What each part of the model contributes: variants x seeds, measured on the int8 .tflite, paired.

    python benchmarks/quality.py CONFIG --data DATA --out FOLDER [--seeds 1 2 3] [--variants ..]

Each variant is the config with some of its parts taken away or changed. A variant's figure is the
mean over seeds, with an interval over users of the users' means; its difference to the full model
is paired by user, over the same seeds. Runs are kept in FOLDER and not repeated, and an
interrupted training continues, so the benchmark can run in pieces. It uses one thread: to use
more, start several with different --variants or --seeds. --table prints the results so far.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import pocketrec as pr
from pocketrec.evaluation.bootstrap import interval, paired_difference
from pocketrec.evaluation.on_device import rank_on_device
from pocketrec.evaluation.protocol import Ranking
from pocketrec.evaluation.summary import user_values
from pocketrec.storage.artifact import write_json
from progress import print_epoch

BOOTSTRAP, SEED = 2000, 1
METRICS = ("ndcg@10", "recall@10")
IDS_ONLY = ("features.time=", "features.user=", "features.item=", "features.event=")
FULL = "full"

VARIANTS: dict[str, tuple[str, ...]] = {
    FULL: (),
    "plain: ids only, no successors": (*IDS_ONLY, "features.dropout=", "model.successors=0"),
    "ids only": (*IDS_ONLY, "features.dropout="),
    "without times": ("features.time=",),
    "without now": ('features.time=["gap"]',),
    "without gap": ('features.time=["now"]',),
    "without users' attributes": ("features.user=",),
    "without films' attributes": ("features.item=",),
    "without successors": ("model.successors=0", "model.successor_share="),
    "label smoothing .1": ("training.label_smoothing=0.1",),
    "sampled softmax": ("training.loss=sampled_softmax",),
    "in-batch softmax": ("training.loss=in_batch",),
    "gBCE": ("training.loss=gbce",),
}
"""Settings laid over the config; one without a value goes back to its default."""


@dataclass(frozen=True)
class Measured:
    """Each user's values by metric (U,), with the time of the request and without; bytes."""

    values: dict[str, NDArray[np.float64]]
    size: int


def measure(variant: str, seed: int, arguments: argparse.Namespace) -> Measured | None:
    """Train, export and rank one variant with one seed, or read what was ranked before.

    Returns None for a missing result when only the table is asked for.
    """
    name = "".join(c if c.isalnum() else "-" for c in variant)
    run, bundle = arguments.out / f"run-{name}-{seed}", arguments.out / f"bundle-{name}-{seed}"
    ranks = arguments.out / f"ranks-{name}-{seed}.json"
    if arguments.table and not ranks.exists():
        return None
    if not ranks.exists():
        settings = [*VARIANTS[variant], f"training.seed={seed}", "training.threads=1"]
        data = pr.PreparedData.open(arguments.data)
        config = pr.Config.load(arguments.config, settings)
        trained = pr.train(config, data, run, resume=True, on_epoch=print_epoch)
        opened = pr.export(
            trained, bundle, data=data, overrides=["export.max_bytes="], accept_quality_loss=True
        )
        content = {"bytes": len(opened.model)}
        for label, now in (("now", True), ("without now", False)):
            targets = data.targets("test", features=opened.spec.features, now=now)
            content[label] = rank_on_device(opened.device(), targets, k=10).ranks.tolist()
        write_json(ranks, content)
    content = json.loads(ranks.read_text(encoding="utf-8"))
    items = pr.PreparedData.open(arguments.data).item_count
    values = {}
    for metric in METRICS:
        values[metric] = _values(content["now"], metric, items)
        values[f"{metric}, without now"] = _values(content["without now"], metric, items)
    return Measured(values, content["bytes"])


def _values(ranks: list[int], metric: str, items: int) -> NDArray[np.float64]:
    array = np.asarray(ranks)
    empty = np.zeros((len(array), 10), np.int32)
    return user_values(Ranking(array, empty, np.zeros(len(array), np.int64)), metric, items)


def mean_over_seeds(runs: list[Measured], metric: str) -> NDArray[np.float64]:
    """Each user's mean over seeds: (U,)."""
    mean: NDArray[np.float64] = np.mean([run.values[metric] for run in runs], axis=0)
    return mean


def main() -> None:
    """Measure all that is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--table", action="store_true", help="only of what is measured already")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[int, Measured]] = {}
    for seed in arguments.seeds:  # one seed of all first: a table of some use early
        for variant in arguments.variants:
            measured = measure(variant, seed, arguments)
            if measured is not None:
                results.setdefault(variant, {})[seed] = measured
    rows = {}
    for variant, by_seed in results.items():
        runs = list(by_seed.values())
        full = [run for seed, run in results.get(FULL, {}).items() if seed in by_seed]
        row = {"bytes": runs[0].size, "seeds": len(runs)}
        for metric in runs[0].values:
            users = mean_over_seeds(runs, metric)
            row[metric] = interval(users, BOOTSTRAP, SEED).to_json()
            row[metric]["of seeds"] = [float(run.values[metric].mean()) for run in runs]
            if len(full) == len(runs) and variant != FULL:
                of_full = mean_over_seeds(full, metric)
                difference = paired_difference(users, of_full, BOOTSTRAP, SEED)
                row[f"{metric} above full"] = difference.to_json()
        rows[variant] = row
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'variant':<32}{'NDCG@10 [95 %]':<26}{'HR@10':<8}{'without now':<13}", end="")
    print(f"{'NDCG@10 above full, paired':<32}{'bytes':>9}  NDCG@10 of the seeds")
    for variant, row in rows.items():
        ndcg, above = row["ndcg@10"], row.get("ndcg@10 above full")
        paired = "" if above is None else "{value:+.4f} [{low:+.4f}, {high:+.4f}]".format(**above)
        print(
            f"{variant:<32}{'{value:.4f} [{low:.4f}, {high:.4f}]'.format(**ndcg):<26}"
            f"{row['recall@10']['value']:<8.4f}{row['ndcg@10, without now']['value']:<13.4f}"
            f"{paired:<32}{row['bytes']:>9,}  "
            + " ".join(f"{value:.4f}" for value in ndcg["of seeds"])
        )


if __name__ == "__main__":
    main()
