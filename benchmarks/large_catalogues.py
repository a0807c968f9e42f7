"""Labels per second of training by size of the catalogue: sampled against full softmax.

    python benchmarks/large_catalogues.py [--items 10000 30000 100000 300000 1000000] [--json]
    python benchmarks/large_catalogues.py --plot

A 2-block transformer, d = 64, L = 200, about 4,096 labels a step, 1,024 sampled items, steps as
training makes them (loss, gradient, clipping, optimizer). Each round measures every way and size
once, so that noise of the machine affects all alike; the median over rounds is printed. Peak memory
is of a process of its own for each. The full softmax is left out above --full items.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch

import plots
from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.models.recommender import RecommenderModel
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.training.batches import Batch, Batches
from pocketrec.training.losses import make_loss
from pocketrec.training.memory import keep_freed_memory
from pocketrec.training.step import make_optimizer, train_step

LENGTH = 200
USERS = 2000

Way = tuple[str, int]
"""A loss, and items of the catalogue."""


class Steps:
    """A model for a catalogue, its optimizer, and an endless supply of batches."""

    def __init__(self, loss: str, items: int) -> None:
        torch.manual_seed(1)
        random = np.random.default_rng(1)
        model = ModelConfig(encoder="transformer", max_length=LENGTH, successors=0)
        self.config = TrainingConfig(loss=loss)
        self.model = RecommenderModel(items, model).train()
        self.optimizer = make_optimizer(self.model, self.config)
        events = np.minimum(random.zipf(1.2, USERS * (LENGTH + 1)), items)
        events = random.permutation(items)[events - 1] + 1
        offsets = np.arange(0, len(events) + 1, LENGTH + 1)
        sequences = Sequences(events.astype(np.int32), offsets)
        counts = torch.from_numpy(sequences.counts(items))
        self.loss = make_loss(self.config, counts, torch.float32)
        self.batches = Batches(
            sequences, max_length=LENGTH, batch_labels=self.config.batch_labels, seed=1
        )
        self.next = self.endless()

    def endless(self) -> Iterator[Batch]:
        """Batch after batch."""
        epoch = 0
        while True:
            yield from self.batches.epoch(epoch)
            epoch += 1

    def run(self, steps: int) -> float:
        """Labels per second of some steps; making the batches is not counted."""
        batches = [next(self.next) for _ in range(steps)]
        begin = time.perf_counter()
        for batch in batches:
            train_step(self.model, self.optimizer, batch, self.config.gradient_clip, self.loss)
        return sum(b.label_count for b in batches) / (time.perf_counter() - begin)


def peak_mb(way: Way) -> float:
    """Peak memory of a process that makes two steps."""
    keep_freed_memory()
    Steps(*way).run(2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
    parser.add_argument("--items", type=int, nargs="+", default=sizes, help="sizes, V")
    parser.add_argument("--full", type=int, default=100_000, help="largest V of full softmax")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    parser.add_argument("--steps", type=int, default=3, help="steps in one measurement")
    parser.add_argument("--threads", type=int, help="of torch; all cores when not given")
    parser.add_argument("--plot", action="store_true", help="draw docs/plots/large_catalogues.svg")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    ways = [("sampled_softmax", items) for items in arguments.items]
    ways += [("softmax", items) for items in arguments.items if items <= arguments.full]
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = dict(zip(ways, pool.map(peak_mb, ways, chunksize=1), strict=True))
    keep_freed_memory()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    made = {way: Steps(*way) for way in ways}
    for steps in made.values():
        steps.run(1)
    speeds: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, steps in made.items():
            speeds[way].append(steps.run(arguments.steps))
    medians = {way: statistics.median(values) for way, values in speeds.items()}
    if arguments.plot:
        names = {"sampled_softmax": "1,024 sampled items", "softmax": "full softmax"}
        panels = [
            (label, {names[n]: {v: figures[n, v] for m, v in ways if m == n} for n in names})
            for label, figures in (("labels/s", medians), ("peak memory, MB", memory))
        ]
        print(plots.draw("large_catalogues", panels, x="items", title="Training"))
    if arguments.json:
        print(
            json.dumps(
                [
                    {
                        "loss": loss,
                        "items": items,
                        "labels_per_second": round(medians[loss, items]),
                        "peak_mb": round(memory[loss, items]),
                    }
                    for loss, items in ways
                ]
            )
        )
        return
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for way, value in medians.items():
        loss, items = way
        low, high = min(speeds[way]), max(speeds[way])
        print(
            f"{loss:<16}{items:>10,} items{value:>10,.0f} labels/s  ({low:,.0f}-{high:,.0f})"
            f"{memory[way]:>8,.0f} MB"
        )


if __name__ == "__main__":
    main()
