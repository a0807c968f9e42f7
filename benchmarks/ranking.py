"""Users ranked per second among all items: ours beside one user at a time.

    python benchmarks/ranking.py [--items 10000 100000 1000000] [--json]

The model is a 2-block transformer, d = 64, L = 200, untrained: the time does not depend on it.
"One at a time" is the plain way: a forward pass for one user, a product with the table, seen items
hidden, and a full sort of the scores. Both ways rank the first users alike, in one run and
interleaved; the median over rounds is printed, and how much larger ours is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import numpy as np
import torch

from pocketrec.config import ModelConfig
from pocketrec.evaluation.protocol import rank_all
from pocketrec.examples.targets import Targets
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer, pad_histories

K = 20


def one_at_a_time(model: RecommenderModel, targets: Targets) -> list[int]:
    """Ranks of the targets, by a full sort for each user."""
    ranks = []
    for history, target in zip(targets.histories, targets.targets, strict=True):
        with torch.inference_mode():
            item_id = torch.from_numpy(pad_histories([history], model.max_length))
            user = model.states(item_id)[0, len(history[-model.max_length :]) - 1]
            scores = (model.table[1:] @ user).numpy()
        scores[history - 1] = -np.inf
        order = np.argsort(-scores, kind="stable")
        ranks.append(int(np.flatnonzero(order == target - 1)[0]) + 1)
    return ranks


def measure(items: int, users: int, alone: int, rounds: int) -> dict[str, float]:
    """Users per second of both ways, and the ratio."""
    random = np.random.default_rng(1)
    torch.manual_seed(1)
    model = RecommenderModel(items, ModelConfig(encoder="transformer", followers=0)).eval()
    histories = [
        random.integers(1, items + 1, length).astype(np.int32)
        for length in random.integers(5, 200, users)
    ]
    # Targets that were not seen: the plain way has no rank for others.
    drawn = random.integers(1, items + 1, users).astype(np.int32)
    wanted = [t if t not in h else 0 for t, h in zip(drawn, histories, strict=True)]
    targets = Targets(histories, np.array(wanted, np.int32))
    known = [user for user in range(users) if wanted[user]][:alone]
    few = Targets([histories[user] for user in known], targets.targets[known])

    def ours(of: Targets) -> list[int]:
        ranking = rank_all(ModelScorer(model), of, item_count=items, k=K, exclude_seen=True)
        found: list[int] = ranking.ranks.tolist()
        return found

    pairs = zip(one_at_a_time(model, few), ours(few), strict=True)
    if any(abs(plain - mine) > 1 + 1e-4 * items for plain, mine in pairs):
        sys.exit("the two ways do not give the same ranks")
    speeds: dict[str, list[float]] = {"one at a time": [], "ours": []}
    for _ in range(rounds):
        begin = time.perf_counter()
        one_at_a_time(model, few)
        middle = time.perf_counter()
        ours(targets)
        speeds["one at a time"].append(len(known) / (middle - begin))
        speeds["ours"].append(users / (time.perf_counter() - middle))
    found = {name: statistics.median(values) for name, values in speeds.items()}
    return found | {"ratio": found["ours"] / found["one at a time"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    sizes = [10_000, 100_000, 1_000_000]
    parser.add_argument("--items", type=int, nargs="+", default=sizes, help="sizes, V")
    parser.add_argument("--users", type=int, default=1024, help="users that ours ranks at once")
    parser.add_argument("--alone", type=int, default=8, help="users ranked one at a time")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    parser.add_argument("--threads", type=int, help="of torch; all cores when not given")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    found = {
        items: measure(items, arguments.users, arguments.alone, arguments.rounds)
        for items in arguments.items
    }
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"users ranked per second, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for items, result in found.items():
        print(
            f"{items:>10,} items: one at a time {result['one at a time']:8.1f}, ours "
            f"{result['ours']:9.1f}: {result['ratio']:.0f} x"
        )


if __name__ == "__main__":
    main()
