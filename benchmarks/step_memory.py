"""What a session gains from remembering events older than the newest L.

    python benchmarks/step_memory.py BUNDLE --data DATA [--part test] [--json]

Of the users with more than L events: NDCG@10 of `recommend`, which looks at the newest L, and of
`step` through all of them, from the .tflite, as a paired difference with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.folder import open_bundle
from pocketrec.bundle.query import Query
from pocketrec.evaluation.bootstrap import interval, paired_difference
from pocketrec.preparation.data import PreparedData
from pocketrec.schema import IntArray

K = 10


def stepped(device: DeviceModel, query: Query) -> IntArray:
    """The list after stepping through every event of a history."""
    state = np.zeros(device.spec.shapes.state, np.float32)
    ids = np.empty(0, np.int32)
    for end in range(1, len(query.history) + 1):
        state, (ids, _) = device.step(state, query.part(slice(end)), k=K)
    return ids


def gain(ids: IntArray, target: int) -> float:
    """NDCG@10 of one target."""
    places = np.flatnonzero(ids == target)
    return 1 / float(np.log2(2 + places[0])) if len(places) else 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=["test", "valid"], default="test")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    device = open_bundle(arguments.bundle).device()
    if not device.steps:
        parser.error("the bundle's model has no signature 'step'")
    data = PreparedData.open(arguments.data)
    targets = data.targets(arguments.part, features=device.spec.features)
    newest, everything, lengths = [], [], []
    rows_of = targets.features or [{}] * len(targets.targets)
    for history, target, rows in zip(targets.histories, targets.targets, rows_of, strict=True):
        if len(history) > device.spec.shapes.length:
            query = Query(history, rows)
            ids, _ = device.recommend(query, k=K)
            newest.append(gain(ids, int(target)))
            everything.append(gain(stepped(device, query), int(target)))
            lengths.append(len(history))
    report = {
        "users": len(newest),
        "L": device.spec.shapes.length,
        "median_events": float(np.median(lengths)),
        "recommend": interval(newest, 1000, 1).to_json(),
        "step": interval(everything, 1000, 1).to_json(),
        "difference": paired_difference(everything, newest, 1000, 1).to_json(),
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    print(
        f"{report['users']} users with more than {report['L']} events (median "
        f"{report['median_events']:.0f}), NDCG@{K}"
    )
    for name in ("recommend", "step", "difference"):
        one = report[name]
        print(f"{name:<11}{one['value']:>8.4f} [{one['low']:.4f}, {one['high']:.4f}]")


if __name__ == "__main__":
    main()
