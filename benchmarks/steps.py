"""What a tap costs by `step` and by `recommend`, by encoder and history length.

    python benchmarks/steps.py [--encoders gru lstm bow cnn] [--lengths 10 25 50 100 200]
        [--items 3416] [--calls 400] [--plot] [--json]

Models of random weights, int8, D = 64, one thread; medians of calls taken in turn, so that noise
of the machine affects both alike. Converting unrolls a recurrent encoder, which takes about a
minute at L = 200. The drift is that of int8: a history is stepped through, and the lists
after every event are compared with those of `recommend`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from plots import draw
from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.encoders import ENCODERS
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.models.encoders import encoder_class
from pocketrec.models.recommender import RecommenderModel
from pocketrec.schema import Signature
from pocketrec.tflite.serialize import parse, serialize
from pocketrec.tflite.shrink import shrink

WALKS = 5
K = 10


def untrained(encoder: str, length: int, items: int, **fields: Any) -> RecommenderModel:
    """A model of random weights."""
    torch.manual_seed(1)
    config = ModelConfig(encoder=encoder, dim=64, max_length=length, **fields)
    model = RecommenderModel(items, config).eval()
    if model.successors is not None:  # each item is followed by the next ones
        ids = torch.arange(items + 1).unsqueeze(1) + torch.arange(model.successors.ids.shape[1])
        model.successors.ids.copy_(ids % items + 1)
    return model


def spec_of(model: RecommenderModel) -> GraphSpec:
    """What its file is built for, with the sizes that a config has by default."""
    shapes = Shapes(
        length=model.max_length,
        dim=model.config.dim,
        items=model.item_count,
        results=100,
        candidates=100,
        blocked=256,
        state=model.state_width or 0,
    )
    return GraphSpec(shapes, exclude_seen=True)


def without_step(content: bytes) -> bytes:
    """The same model's file without the `step` signature."""
    model = parse(content)
    (place,) = (
        n
        for n, one in enumerate(model.signatureDefs)
        if one.signatureKey.decode() == Signature.STEP
    )
    graph = model.signatureDefs.pop(place).subgraphIndex
    model.subgraphs.pop(graph)
    for one in model.signatureDefs:
        one.subgraphIndex -= one.subgraphIndex > graph
    return shrink(serialize(model, len(content)))


def in_turn(calls: dict[str, Callable[[], Any]], count: int) -> dict[str, float]:
    """Median milliseconds of each call, all of them taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1e3)
    return {name: round(float(np.median(samples)), 4) for name, samples in times.items()}


def measure(encoder: str, length: int, items: int, calls: int) -> dict[str, Any]:
    """One encoder at one length: milliseconds, bytes, seconds of conversion, and drift."""
    model = untrained(encoder, length, items)
    spec = spec_of(model)
    begin = time.perf_counter()
    full = convert(model, spec)
    seconds = time.perf_counter() - begin
    content = shrink(quantize(full, "int8"))
    device = DeviceModel(content, spec)
    random = np.random.default_rng(1)
    query = Query(random.integers(1, items + 1, length).astype(np.int32))
    before, _ = device.states(query)
    return {
        **in_turn(
            {
                "recommend_ms": lambda: device.recommend(query, k=K),
                "step_ms": lambda: device.step(before, query, k=K),
            },
            calls,
        ),
        "state": spec.shapes.state,
        "bytes": len(content),
        "bytes_without": len(without_step(content)),
        "convert_s": round(seconds, 1),
        **drift(device, random),
    }


def drift(device: DeviceModel, random: np.random.Generator) -> dict[str, float]:
    """How far the lists of `step` and `recommend` diverge along histories of length L."""
    worst, spread, same = 0.0, [], []
    for _ in range(WALKS):
        history = random.integers(1, device.spec.shapes.items + 1, device.spec.shapes.length)
        state = np.zeros(device.spec.shapes.state, np.float32)
        for end in range(1, len(history) + 1):
            query = Query(history[:end].astype(np.int32))
            state, (ids, scores) = device.step(state, query, k=K)
            expected, numbers = device.recommend(query, k=K)
            worst = max(worst, float(np.abs(scores - numbers).max()))
            spread.append(numbers)
            same.append(len(np.intersect1d(ids, expected)) / K)
    return {"drift": worst / float(np.std(spread)), "overlap@10": float(np.mean(same))}


def plot(results: dict[str, Any], items: int) -> None:
    """Milliseconds of a tap, and the size of the file, by length of the history."""

    def lines(key: str) -> dict[str, dict[float, float]]:
        return {
            encoder: {length: one[key] for length, one in lengths.items()}
            for encoder, lengths in results.items()
        }

    panels = [
        ("ms by recommend", lines("recommend_ms")),
        ("ms by step", lines("step_ms")),
        ("bytes of model.tflite", lines("bytes")),
    ]
    title = f"A tap, int8, {items:,} items, one thread"
    draw("steps", panels, x="history length L", title=title, log_y=False)


def main() -> None:
    """Measure, print a table, and perhaps plot it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    recurrent = [name for name in ENCODERS if encoder_class(name).has_step()]
    parser.add_argument("--encoders", nargs="+", default=recurrent, choices=recurrent)
    parser.add_argument("--lengths", nargs="+", type=int, default=[10, 25, 50, 100, 200])
    parser.add_argument("--items", type=int, default=3416)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--plot", action="store_true", help="write docs/plots/steps.svg")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, dict[int, dict[str, Any]]] = {}
    if not arguments.json:
        print(f"{'encoder':<9}{'L':>4}{'recommend ms':>14}{'step ms':>9}{'times':>7}{'bytes':>10}")
    for encoder in arguments.encoders:
        for length in arguments.lengths:
            one = measure(encoder, length, arguments.items, arguments.calls)
            results.setdefault(encoder, {})[length] = one
            if not arguments.json:
                grown = one["bytes"] - one["bytes_without"]
                print(
                    f"{encoder:<9}{length:>4}{one['recommend_ms']:>14.4f}{one['step_ms']:>9.4f}"
                    f"{one['recommend_ms'] / one['step_ms']:>7.1f}{one['bytes']:>10,}"
                    f" (+{grown:,} by step); drift {one['drift']:.2g}, "
                    f"overlap@10 {one['overlap@10']:.3f}, converted in {one['convert_s']} s",
                    flush=True,
                )
    if arguments.json:
        print(json.dumps(results, indent=1))
    if arguments.plot:
        plot(results, arguments.items)


if __name__ == "__main__":
    main()
