"""Labels per second of training: ours beside the naive ways, interleaved in one process.

    python benchmarks/training_speed.py [--items 3700] [--rounds 5] [--json]

The model of the bar: a 2-block transformer, d = 64, L = 200, V = 3,700, full softmax at every
position, all cores. Each round measures every way once, so that noise of the machine affects all
alike; the median over rounds is printed, and the ratio to the naive loss.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.models.recommender import RecommenderModel
from pocketrec.training.losses import full_softmax
from pocketrec.training.memory import keep_freed_memory
from pocketrec.training.step import make_optimizer

BATCH = 32
LENGTH = 200

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def naive(states: torch.Tensor, table: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """All logits at once, and torch's own cross-entropy."""
    return F.cross_entropy(states @ table[1:].T, labels - 1)


def bfloat16(states: torch.Tensor, table: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Our loss with matrix products in bfloat16."""
    return full_softmax(states, table, labels, dtype=torch.bfloat16)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=3700, help="size of the catalogue, V")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    parser.add_argument("--steps", type=int, default=3, help="steps in one measurement")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(1)
    model = RecommenderModel(arguments.items, ModelConfig(encoder="transformer")).train()
    optimizer = make_optimizer(model, TrainingConfig())
    events = torch.randint(1, arguments.items + 1, (BATCH, LENGTH + 1))
    item_id, labels = events[:, :-1].to(torch.int32), events[:, 1:]

    def step(loss: Loss, *, last_only: bool = False) -> int:
        """One step of the optimizer; returns the labels that it trained."""
        states = model.states(item_id)
        rows, wanted = (states[:, -1:], labels[:, -1:]) if last_only else (states, labels)
        value = loss(rows.reshape(-1, states.shape[-1]), model.table, wanted.reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return wanted.numel()

    ways: dict[str, Callable[[], int]] = {
        "one label per window": lambda: step(naive, last_only=True),
        "F.cross_entropy": lambda: step(naive),
        "fused, float32": lambda: step(full_softmax),
    }
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        ways["fused, bfloat16"] = lambda: step(bfloat16)
    for way in ways.values():
        way()
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            count = sum(way() for _ in range(arguments.steps))
            speeds[name].append(count / (time.perf_counter() - begin))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    base = medians["F.cross_entropy"]
    if arguments.json:
        print(json.dumps({name: {"labels_per_second": round(v)} for name, v in medians.items()}))
        return
    print(f"V = {arguments.items}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, value in medians.items():
        low, high = min(speeds[name]), max(speeds[name])
        print(
            f"{name:<22}{value:>9,.0f} labels/s  {value / base:5.2f} x F.cross_entropy  "
            f"({low:,.0f}-{high:,.0f})"
        )


if __name__ == "__main__":
    main()
