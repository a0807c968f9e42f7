"""All encoders on one data set: train, export, gates, evaluate.

    python benchmarks/encoders.py CONFIG --data DATA --out FOLDER [--set KEY=VALUE ...] [--json]

Results in FOLDER are not repeated, so an interrupted benchmark continues where it stopped.
Figures are of the int8 .tflite, on the test users.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pocketrec as pr
from pocketrec.bundle.cost import measure_cost
from pocketrec.config.encoders import ENCODERS, OPTIONAL_FIELDS, find_encoder
from pocketrec.config.model import ModelConfig
from progress import print_epoch

USUAL_LENGTH = ModelConfig().max_length


def measure(encoder: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, export, evaluate and bench one encoder."""
    run, bundle = arguments.out / f"run-{encoder}", arguments.out / f"bundle-{encoder}"
    settings = [f"model.encoder={encoder}", *arguments.set]
    # If this encoder refuses a setting of the config, or its history length, use the encoder's
    # default instead.
    spec = find_encoder(encoder)
    settings += [f"model.{key}=" for key in sorted(OPTIONAL_FIELDS - spec.fields)]
    if spec.defaults["max_length"] < USUAL_LENGTH:
        settings.append("model.max_length=")
    data = pr.PreparedData.open(arguments.data)
    config = pr.Config.load(arguments.config, settings)
    trained = pr.train(config, data, run, resume=True, on_epoch=print_epoch)
    exported = pr.export(trained, bundle, data=data)
    report = pr.evaluate(exported, data).to_json()
    cost = measure_cost(bundle)
    gates = exported.manifest["quality"]["gates"]
    return {
        "ndcg@10": report["metrics"]["ndcg@10"],
        "recall@10": report["metrics"]["recall@10"],
        "above_seq_knn": report["differences"]["seq_knn"]["ndcg@10"],
        "above_markov": report["differences"]["markov"]["ndcg@10"],
        "ndcg_loss": gates["relative loss of ndcg@10 to float"]["value"],
        "overlap": gates["overlap of the top 10 with float"]["value"],
        "bytes": cost["bytes"],
        "p50_ms": cost["latency_ms"]["1"]["p50"],
    }


def main() -> None:
    """Measure each encoder and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--encoders", nargs="+", default=[*ENCODERS])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = {encoder: measure(encoder, arguments) for encoder in arguments.encoders}
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    print(f"{'encoder':<13}{'NDCG@10 [95 %]':<26}{'Recall@10':<11}{'- seq-kNN':<11}", end="")
    print(f"{'int8 loss':<11}{'overlap':<9}{'bytes':>9}{'p50 ms':>9}")
    for encoder, row in results.items():
        ndcg = row["ndcg@10"]
        interval = f"{ndcg['value']:.4f} [{ndcg['low']:.4f}, {ndcg['high']:.4f}]"
        print(
            f"{encoder:<13}{interval:<26}{row['recall@10']['value']:<11.4f}"
            f"{row['above_seq_knn']['value']:<+11.4f}{row['ndcg_loss']:<+11.4f}"
            f"{row['overlap']:<9.3f}{row['bytes']:>9,}{row['p50_ms']:>9.3f}"
        )


if __name__ == "__main__":
    main()
