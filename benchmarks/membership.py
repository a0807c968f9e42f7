"""Can the holder of a bundle tell who was in its training log? Membership inference, on the file.

    python benchmarks/membership.py BUNDLE --data DATA [--events 20] [--seed 1] [--json]

DATA is prepared with split.kind = "users", and BUNDLE was trained on it. Strangers are all test
users: neither the weights, the successors nor the choice of the epoch depend on them. Members are
as many training users, sampled at random. After a split by users the two groups differ only in
membership.

The attacker has the bundle's folder and the whole history of a user, with times and the features
of the user (age, gender). The question is whether the model was trained on that user. Some attacks
compare with a reference: "public" are the validation users, whose histories anybody might collect;
none is in the training log. "rest" are all other training users. Only the owner of the log has
them: this is the worst case. It finds whatever was counted exactly, and only noise in training
helps against it. An AUC of .5 is chance. `pocketrec.privacy.membership.attacks` describes each
attack. Attacks that train their own models (shadow models) or analyse the weights are not tried.

The last line counts the pairs of the successor lists that one training user, or few, made.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.folder import Bundle, open_bundle
from pocketrec.bundle.manifest import KIND
from pocketrec.bundle.query import Query
from pocketrec.cli import log
from pocketrec.evaluation.protocol import Scorer
from pocketrec.models.pairs import count_pair_users
from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.histories import held_out_histories, training_histories
from pocketrec.privacy.membership import attacks, successor_lists
from pocketrec.privacy.separation import separate
from pocketrec.schema import FeatureRows, IntArray
from pocketrec.storage.artifact import kind_of

BOOTSTRAP = 2000
MANY = 300
"""From this many strangers on, false alarms are allowed for 1 % of them, otherwise for 5 %: 1 % of
fewer strangers are too few to count."""
FEW = 5
MEASURES = ("auc", "tpr", "advantage")


def scorer_of(device: DeviceModel) -> Scorer:
    """A scorer of all items by the .tflite."""
    items = np.arange(1, device.spec.shapes.items + 1, dtype=np.int32)

    def score(
        histories: list[IntArray], features: list[FeatureRows] | None = None
    ) -> NDArray[np.float32]:
        queries = map(Query, histories, features or [{}] * len(histories))
        return np.stack([device.score(query, items) for query in queries])

    return score


def supported(bundle: Bundle, data: PreparedData) -> dict[str, int] | None:
    """Count the pairs of the successor lists, by training users who made them; None: no lists."""
    lists = successor_lists(bundle.model, bundle.spec.shapes.items)
    if lists is None:
        return None
    users = count_pair_users(training_histories(data, []), lists)[lists > 0]
    return {
        "pairs": len(users),
        "of one user": int((users == 1).sum()),
        f"of fewer than {FEW}": int((users < FEW).sum()),
    }


def measure(bundle_path: Path, data: PreparedData, events: int, seed: int) -> dict[str, Any]:
    """All attacks on a bundle."""
    bundle = open_bundle(bundle_path)
    trained_on = bundle.manifest["provenance"]["data"]["split"]
    if data.config.split.kind != "users" or trained_on != data.split_fingerprint:
        raise SystemExit(
            f"'{data.folder}' must be prepared with split.kind = \"users\", and '{bundle_path}' "
            "trained on it: otherwise no user is known to be new to the model"
        )
    if bundle.spec.shapes.items != data.item_count:
        raise SystemExit(f"items were added to '{bundle_path}': give the bundle as it was exported")
    trained = training_histories(data, bundle.spec.features)
    never, public = (
        held_out_histories(data, part, bundle.spec.features) for part in ("test", "valid")
    )
    if len(trained) < 2 * len(never):
        raise SystemExit(
            f"'{data.folder}' has {len(trained)} training users and {len(never)} test users, but "
            "needs twice as many training users as test users: lower split.test_fraction"
        )
    order = np.random.default_rng(seed).permutation(len(trained))
    sampled, rest = ([trained[i] for i in part] for part in np.split(order, [len(never)]))
    total = 2 * len(sampled + never) * events  # at most
    with log.counting("attacking") as count:
        scores = attacks(
            scorer_of(bundle.device()),
            successor_lists(bundle.model, bundle.spec.shapes.items),
            sampled + never,
            {"public": public, "rest": rest},
            item_count=data.item_count,
            events=events,
            progress=lambda done: count(done, total),
        )
    fpr = 0.01 if len(never) >= MANY else 0.05
    separations = {}
    for name, values in scores.items():
        of_members, of_strangers = np.split(values, [len(sampled)])
        separation = separate(of_members, of_strangers, fpr=fpr, samples=BOOTSTRAP, seed=seed)
        separations[name] = separation.to_json()
    return {
        "config": bundle.manifest["config"],
        "best_epoch": bundle.manifest["provenance"]["training"]["best_epoch"],
        "members": len(sampled),
        "strangers": len(never),
        "public": len(public),
        "rest": len(rest),
        "events": events,
        "seed": seed,
        "fpr": fpr,
        "attacks": separations,
        "successors": supported(bundle, data),
    }


def label(attack: str) -> str:
    """The name of an attack as it is printed; in JSON the names stay as they always were."""
    attack = attack.replace("loss, told nothing", "loss, without features")
    return attack.replace(" alone", ", no model")


def table(report: dict[str, Any]) -> list[str]:
    """The report as lines of Markdown."""
    lines = [
        f"| attack | AUC | TPR at {report['fpr']:.0%} FPR | advantage |",
        "|---|---|---|---|",
    ]
    for name, measures in report["attacks"].items():
        cells = ["{value:.3f} [{low:.3f}, {high:.3f}]".format(**measures[m]) for m in MEASURES]
        lines.append(f"| {label(name)} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--events", type=int, default=20, help="most events of a user to score")
    parser.add_argument(
        "--seed", type=int, default=1, help="samples the members, and resamples users"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.events < 1:
        parser.error("--events must be 1 or more")
    if kind_of(arguments.bundle) != KIND:
        parser.error(f"'{arguments.bundle}' is no bundle")
    data = PreparedData.open(arguments.data)
    report = measure(arguments.bundle, data, arguments.events, arguments.seed)
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    print("{members} members, {strangers} strangers, up to {events} events each".format(**report))
    print("\n".join(table(report)))
    if report["successors"]:
        print("successors:", ", ".join(f"{n:,} {name}" for name, n in report["successors"].items()))


if __name__ == "__main__":
    main()
