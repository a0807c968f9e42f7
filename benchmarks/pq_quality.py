"""What smaller weights cost in quality: one run's files in every kind, ranked by the files.

    python benchmarks/pq_quality.py RUN --data DATA [--users 2000] [--kinds int8 int4 pq]
        [--code-bytes 8] [--json]

The test targets of up to `--users` users are ranked by each .tflite itself, one user after the
other. NDCG@10 with its 95 % interval; its relative loss to the float32 file, with the
interval of paired users; and how much of the float32 file's top 10 is in the other's. `fit s` is
the time to find the codes, in seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from pocketrec.bundle.device import DeviceModel
from pocketrec.conversion.codes import fit_codes, some_users
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.evaluation.bootstrap import interval, paired_difference
from pocketrec.evaluation.on_device import rank_on_device
from pocketrec.evaluation.protocol import Ranking
from pocketrec.evaluation.summary import user_values
from pocketrec.export.build import graph_spec
from pocketrec.preparation.data import PreparedData
from pocketrec.tflite.shrink import shrink
from pocketrec.training.run import Run

KINDS = ("float32", "int8", "int4", "pq")
RESAMPLES, SEED = 1000, 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS[1:], default=list(KINDS[1:]))
    parser.add_argument("--code-bytes", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measured(
        arguments.run, arguments.data, arguments.users, arguments.kinds, arguments.code_bytes
    )
    print(json.dumps(rows, indent=1) if arguments.json else "\n".join(as_table(rows)))


def measured(
    folder: Path, data_folder: Path, users: int, kinds: list[str], code_bytes: int
) -> list[dict[str, Any]]:
    """A row for the float32 file and one for each kind."""
    run, data = Run.open(folder), PreparedData.open(data_folder)
    model = run.model
    targets = data.targets("test", users, features=model.features)
    spec = graph_spec(model, run.config)
    full = convert(model.folded(), spec)
    first: Ranking | None = None
    rows = []
    for kind in ("float32", *kinds):
        begin, codes = time.perf_counter(), None
        if kind == "pq":
            users = some_users(data, model.features)
            codes = fit_codes(model, users, data.item_counts, code_bytes)
        seconds = time.perf_counter() - begin
        content = shrink(quantize(full, kind, codes))
        device = DeviceModel(content, spec)
        ranking = rank_on_device(device, targets, k=10, beyond=False)
        first = ranking if first is None else first
        before, after = (
            user_values(ranked, "ndcg@10", spec.shapes.items) for ranked in (first, ranking)
        )
        loss = paired_difference(before, after, RESAMPLES, SEED)
        scale = max(float(before.mean()), 1e-12)
        same = (first.top[:, :, None] == ranking.top[:, None, :]) & (first.top > 0)[:, :, None]
        rows.append(
            {
                "kind": kind,
                "items": spec.shapes.items,
                "users": len(targets.targets),
                "bytes": len(content),
                "ndcg@10": interval(after, RESAMPLES, SEED).to_json(),
                "loss": {name: value / scale for name, value in loss.to_json().items()},
                "overlap": float(same.sum() / max(1, int((first.top > 0).sum()))),
                "fit_seconds": seconds if kind == "pq" else None,
            }
        )
        print(rows[-1], file=sys.stderr)
    return rows


def as_table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [
        f"{rows[0]['items']:,} items, {rows[0]['users']:,} users",
        "",
        "| kind | MB | NDCG@10 [95 %] | loss to float32 [95 %] | overlap of the top 10 | fit s |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ndcg, loss, seconds = row["ndcg@10"], row["loss"], row["fit_seconds"]
        lines.append(
            f"| {row['kind']} | {row['bytes'] / 1e6:.2f} "
            f"| {ndcg['value']:.4f} [{ndcg['low']:.4f}, {ndcg['high']:.4f}] "
            f"| {loss['value']:.2%} [{loss['low']:.2%}, {loss['high']:.2%}] "
            f"| {row['overlap']:.3f} | {'' if seconds is None else f'{seconds:.0f}'} |"
        )
    return lines


if __name__ == "__main__":
    main()
