"""Users ranked per second among all items: ours beside one user at a time.

    python benchmarks/ranking.py [--items 10000 100000 1000000] [--json]

The model is a 2-block transformer, d = 64, L = 200, untrained: the time does not depend on it.
"One at a time" is a forward pass for one user, a product with the table, seen items masked, and
then the plain way, a full sort of the scores with ties in order; or numpy's vectorized sort, which
leaves ties to chance; or no sort at all, but a count. All give the first users the same ranks, and
are measured in one run, interleaved; printed are medians over rounds, and how much larger ours is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from pocketrec.config.model import ModelConfig
from pocketrec.evaluation.protocol import rank_all
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer, pad_histories
from pocketrec.preparation.targets import Targets

K = 20


def one_at_a_time(
    model: RecommenderModel, targets: Targets, rank: Callable[[torch.Tensor, int], int]
) -> list[int]:
    """Ranks of the targets, with a forward pass and a product with the table for each user."""
    ranks = []
    for history, target in zip(targets.histories, targets.targets, strict=True):
        with torch.inference_mode():
            item_id = torch.from_numpy(pad_histories([history], model.max_length))
            user = model.states(item_id)[0, len(history[-model.max_length :]) - 1]
            scores = model.table[1:] @ user
            scores[torch.from_numpy(history).long() - 1] = -torch.inf
            ranks.append(rank(scores, int(target) - 1))
    return ranks


def sorted_rank(scores: torch.Tensor, target: int) -> int:
    """By a full sort, ties to the lower index."""
    order = torch.sort(scores, descending=True, stable=True).indices
    return int(torch.nonzero(order == target)) + 1


def quick_sorted_rank(scores: torch.Tensor, target: int) -> int:
    """By numpy's vectorized sort, which leaves the order of ties to chance."""
    order = np.argsort(-scores.numpy())
    return int(np.flatnonzero(order == target)[0]) + 1


def counted_rank(scores: torch.Tensor, target: int) -> int:
    """Without a sort: the best K are picked, and what is ahead of the target is counted."""
    torch.topk(scores, K)
    return int((scores > scores[target]).sum()) + 1


ALONE = {"sort": sorted_rank, "quick sort": quick_sorted_rank, "count": counted_rank}
"""What is done with the scores of one user at a time."""


def measure(items: int, users: int, alone: int, rounds: int) -> dict[str, float]:
    """Users per second of both ways, and the ratio."""
    random = np.random.default_rng(1)
    torch.manual_seed(1)
    model = RecommenderModel(items, ModelConfig(encoder="transformer", successors=0)).eval()
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
        ranks: list[int] = ranking.ranks.tolist()
        return ranks

    expected = ours(few)
    for name, rank in ALONE.items():
        ranks = one_at_a_time(model, few, rank)
        # A product of one row is not to the last bit that of many: neighbours may change places.
        if any(abs(a - b) > 2 + 1e-5 * items for a, b in zip(ranks, expected, strict=True)):
            sys.exit(f"'{name}' and ours do not give the same ranks")
    speeds: dict[str, list[float]] = {name: [] for name in [*ALONE, "ours"]}
    for _ in range(rounds):
        for name, rank in ALONE.items():
            begin = time.perf_counter()
            one_at_a_time(model, few, rank)
            speeds[name].append(len(known) / (time.perf_counter() - begin))
        begin = time.perf_counter()
        ours(targets)
        speeds["ours"].append(users / (time.perf_counter() - begin))
    return {name: statistics.median(values) for name, values in speeds.items()}


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
    results = {
        items: measure(items, arguments.users, arguments.alone, arguments.rounds)
        for items in arguments.items
    }
    if arguments.json:
        print(json.dumps(results))
        return
    print(f"users ranked per second, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for items, speeds in results.items():
        print(f"{items:,} items: ours {speeds['ours']:,.1f}")
        for name in ALONE:
            ratio = speeds["ours"] / speeds[name]
            print(f"    one at a time, {name:<12}{speeds[name]:9.1f}  ours is {ratio:.1f} x")


if __name__ == "__main__":
    main()
