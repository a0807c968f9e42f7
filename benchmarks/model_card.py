"""Measure a bundle and write its model card, so that no figure of the card is typed by hand.

    python benchmarks/model_card.py pretrained/movielens-1m --data DATA --config CONFIG \\
        --membership FILE

writes README.md into the bundle's folder: what it was made of, how it was measured, what it costs.
FILE holds what `benchmarks/membership.py --json` says of a bundle of the same config that was
trained on a split by users: this one, trained on everybody, has no strangers to be compared with.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pocketrec as pr
from membership import FEW, supported, table
from pocketrec.bundle.cost import measure_cost
from pocketrec.bundle.folder import Bundle, open_bundle
from pocketrec.preparation.data import PreparedData

METRICS = {"ndcg@10": "NDCG@10", "recall@10": "HR@10", "mrr@10": "MRR@10", "mean_rank": "mean rank"}


def cell(measure: dict[str, float], metric: str) -> str:
    """A figure with its interval."""
    digits = 1 if metric == "mean_rank" else 3
    low, high = (f"{measure[end]:.{digits}f}" for end in ("low", "high"))
    return f"{measure['value']:.{digits}f} [{low}, {high}]"


def quality(report: dict[str, Any], name: str) -> list[str]:
    """The table of the bundle beside the baselines."""
    rows = [*report["baselines"].items()]
    rows += [(f"**{name}**, {key}", metrics) for key, metrics in report["variants"].items()]
    rows.append((f"**{name}**", report["metrics"]))
    lines = [f"| | {' | '.join(METRICS.values())} |", "|---" * (1 + len(METRICS)) + "|"]
    for label, metrics in rows:
        cells = [cell(metrics[metric], metric) for metric in METRICS]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def privacy(membership: Any, bundle: Bundle, pairs: dict[str, int] | None) -> list[str]:
    """What the file discloses about the users it was trained on."""
    of_few = ""
    if pairs is not None:
        one, few = pairs["of one user"], pairs[f"of fewer than {FEW}"]
        of_few = (
            f"Of the {pairs['pairs']:,} pairs in this file's lists of successors {one:,} come from "
            f"one user alone, {few:,} from fewer than {FEW}. "
        )
    epochs = bundle.manifest["provenance"]["training"]["best_epoch"]
    return [
        "Can the holder of the file tell whether somebody's history was trained on? This file was "
        "trained on every user of the log, so it cannot be measured on it. The table is of the "
        f"same config, trained on a split by users for {membership['best_epoch']} epochs (this "
        f"file: {epochs}): {membership['members']} users it was trained on against "
        f"{membership['strangers']} that it never saw, up to {membership['events']} events of "
        "each, 95 % intervals over users; AUC .5 is chance. `- public`: compared with what "
        f"{membership['public']} further users do; `- rest`: with what the other "
        f"{membership['rest']:,} training users do, whom nobody but the log's owner has.",
        "",
        *table(membership),
        "",
        f"{of_few}What follows: docs/decisions/0012-privacy.md.",
    ]


def card(
    bundle: Bundle, name: str, config: Path, report: Any, bench: Any, hidden: list[str]
) -> str:
    """The whole card, as Markdown."""
    source = bundle.manifest["provenance"]["data"]["source"]
    counts = bundle.manifest["provenance"]["data"]["counts"]
    training = bundle.manifest["provenance"]["training"]
    gates, shapes = bundle.manifest["quality"]["gates"], bundle.spec.shapes
    inputs = [
        f"`{f.name}` of {'the user' if f.of == 'user' else 'events'}" for f in bundle.spec.features
    ]
    above = report["differences"]["seq_knn"]["ndcg@10"]
    latency = bench["latency_ms"]["1"]
    toml = config.as_posix()
    return "\n".join(
        [
            f"# {name}",
            "",
            f"A recommender of {len(bundle.items):,} films in {bench['bytes']:,} bytes: the next "
            "film after those that a user rated, on the device.",
            "",
            f"    pocketrec recommend {name} --history 'Toy Story (1995)' 'Aladdin (1992)'",
            "",
            "## Data and licence",
            "",
            f"Source: {source['source']}, {counts['kept']['events']:,} ratings of "
            f"{counts['kept']['users']:,} users (form `{source['form']}`). {source['citation']}",
            "",
            f"Licence of the data: {source['licence']}. The weights come from it: the same terms "
            "hold for them. Nothing else of a user is in the bundle than what weights and lists of "
            "successors can hold (see Privacy); no id of a user is.",
            "",
            "## Model",
            "",
            f"Transformer, D = {shapes.dim}, the newest L = {shapes.length} events, "
            f"{training['parameters']:,} trained numbers, int8. It is told {', '.join(inputs)}; "
            "each may be left out. Genres and years of films are folded into the item table.",
            "",
            "## Quality, of this very file",
            "",
            "Leave-one-out: the last rating of each user is the target, and was never trained or "
            "tuned on; the one before it chose the epoch. Full ranking of all films, seen ones "
            f"left out; {report['users']:,} users, 95 % intervals over users; one training seed "
            "(others, and what each part is worth: docs/decisions/0009-quality.md).",
            "",
            *quality(report, name),
            "",
            f"Above seq-kNN by {above['value']:.3f} [{above['low']:.3f}, {above['high']:.3f}] "
            "NDCG@10, paired.",
            "",
            "`without now` is the same model that is not told when it is asked. With it the time "
            "of the target is known, as it is on a device; in the copy of the data with the form "
            "`ratings.parquet` times are known of users 1-2999 only, and the others' are missing.",
            "",
            "int8 against float, on validation users: relative loss of NDCG@10 "
            f"{gates['relative loss of ndcg@10 to float']['value']:.2%}, overlap of the top 10 "
            f"{gates['overlap of the top 10 with float']['value']:.3f}.",
            "",
            f"One thread: {latency['p50']:.2f} ms a call of full length (95th percentile "
            f"{latency['p95']:.2f}), {bench['load_ms']:.0f} ms to load; {bench['peak_rss_mb']:.0f} "
            f"MB of memory, Python included. {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}.",
            "",
            "## Privacy",
            "",
            *hidden,
            "",
            "## Limits",
            "",
            "- Films up to 2000, rated by people who were asked to rate many at once: the next "
            "*rated* film, which is not the next watched one.",
            "- Leave-one-out lets the model see other users' later events; a figure for a moment "
            "in time would be lower.",
            "- Ages, genders and occupations are those that users of 2000 gave; leave them out "
            "where they have no business.",
            "",
            "## Again",
            "",
            f"    pocketrec prepare {toml} --set data.path=ML-1M --out data/{name}",
            f"    pocketrec evaluate {name} --data data/{name}",
            "",
            "and from the start",
            "",
            f"    pocketrec train {toml} --data data/{name} --out runs/{name}",
            f"    pocketrec export runs/{name} --out pretrained/{name}",
            f"    python benchmarks/model_card.py pretrained/{name} --data data/{name} "
            f"--config {toml} --membership membership.json",
            "",
            "and the bundle that Privacy is measured on",
            "",
            f"    pocketrec prepare {toml} --set split.kind=users --set data.path=ML-1M "
            "--out data/users",
            f"    pocketrec train {toml} --set split.kind=users --data data/users --out runs/users",
            "    pocketrec export runs/users --out bundles/users",
            "    python benchmarks/membership.py bundles/users --data data/users --json "
            "> membership.json",
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--membership", type=Path, required=True)
    arguments = parser.parse_args()
    membership = json.loads(arguments.membership.read_text(encoding="utf-8"))
    bundle = open_bundle(arguments.bundle)
    for section in ("features", "model"):
        if membership["config"].get(section) != bundle.manifest["config"].get(section):
            raise SystemExit(f"'{arguments.membership}' is of a bundle with another [{section}]")
    report = pr.evaluate(arguments.bundle, arguments.data).to_json()
    bench = measure_cost(arguments.bundle)
    pairs = supported(bundle, PreparedData.open(arguments.data))
    hidden = privacy(membership, bundle, pairs)
    text = card(bundle, arguments.bundle.name, arguments.config, report, bench, hidden)
    (arguments.bundle / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
