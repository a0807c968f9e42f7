"""Whether a transformer's keys and values would be worth carrying from tap to tap.

    python benchmarks/attention_cache.py [--items 3416 100000 1000000] [--length 200]
        [--calls 300] [--json]

For each size of the catalogue the milliseconds, one thread, int8, without successors, of

  recommend   the whole call
  rest        the same call without its encoder: what no cache can save
  cached      the least that a call with carried keys and values can cost: one event through the
              blocks, keys and values of the L - 1 before it as an input, of all L as an output

and the share of a call that is the encoder's. `cached` is a sketch that only costs what the real
one would: positions count from the end of a history, so that keys and values of every event change
with each tap, and no cache of them can give what `recommend` gives (docs/decisions/0018-step.md).
Medians of calls taken in turn. A million items take some 5 GB of memory to convert.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, cast

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from pocketrec.bundle.quiet import without_info_lines
from pocketrec.conversion.convert import to_tflite
from pocketrec.conversion.graph import RecommendGraph
from pocketrec.conversion.quantize import quantize
from pocketrec.models.encoders.transformer import Block, TransformerEncoder
from pocketrec.models.recommender import RecommenderModel, lengths_of
from pocketrec.tflite.shrink import shrink
from steps import in_turn, spec_of, untrained


class Rest(nn.Module):
    """`recommend` without its encoder: the newest event's vector stands for the user."""

    def __init__(self, recommend: RecommendGraph) -> None:
        super().__init__()
        self.recommend = recommend

    def forward(self, item_id: Tensor, blocked: Tensor) -> dict[str, Tensor]:
        """item_id (1, L), blocked (1, N) -> ids, scores (1, K)."""
        model = self.recommend.model
        user = model.norm(model.items.table(item_id[:, -1]))
        return self.recommend.ranked(user, item_id, blocked)


class Cached(nn.Module):
    """One event through the blocks, beside carried keys and values (1, 2 layers H, L, D / H)."""

    def __init__(self, recommend: RecommendGraph) -> None:
        super().__init__()
        self.recommend = recommend

    def forward(self, item_id: Tensor, blocked: Tensor, state: Tensor) -> dict[str, Tensor]:
        """-> ids, scores (1, K), and the state with the event in its last place."""
        model = self.recommend.model
        blocks = cast(list[Block], list(cast(TransformerEncoder, model.encoder).blocks))
        x = model.items.table(item_id[:, -1:])  # (1, 1, D)
        lengths = lengths_of(item_id).view(1, 1, 1, 1).to(x.dtype)
        place = torch.arange(item_id.shape[1], dtype=torch.int32).view(1, 1, 1, -1).to(x.dtype)
        bias = (
            torch.relu(item_id.shape[1] - lengths - place) * -1e9
        )  # mask positions without an event
        carried, parts = [], state.chunk(2 * len(blocks), 1)
        for n, block in enumerate(blocks):
            query, *new = block._split(block.project(block.attention_norm(x)))
            key, value = (
                torch.cat([old[:, :, 1:], one], 2)
                for old, one in zip(parts[2 * n : 2 * n + 2], new, strict=True)
            )
            carried += [key, value]
            scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + bias
            attended = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2)
            x = block._finish(x, attended)
        user = model.norm(x.squeeze(1))
        return {**self.recommend.ranked(user, item_id, blocked), "state": torch.cat(carried, 1)}


def converted(model: RecommenderModel) -> tuple[bytes, dict[str, dict[str, Tensor]]]:
    """An int8 file with one signature per name, and an input for each."""
    spec = spec_of(model)
    shapes, recommend = spec.shapes, RecommendGraph(model, spec)
    torch.manual_seed(2)
    asked = {
        "item_id": torch.randint(1, shapes.items + 1, (1, shapes.length), dtype=torch.int32),
        "blocked": torch.zeros(1, shapes.blocked, dtype=torch.int32),
    }
    heads = model.config.value("heads")
    layers = model.config.value("layers")
    state = torch.zeros(1, 2 * layers * heads, shapes.length, shapes.dim // heads)
    graphs: dict[str, tuple[nn.Module, dict[str, Tensor]]] = {
        "recommend": (recommend, {**asked, "user_vector": torch.zeros(1, shapes.dim)}),
        "rest": (Rest(recommend), asked),
        "cached": (Cached(recommend), {**asked, "state": state}),
    }
    content = shrink(quantize(to_tflite(graphs), "int8"))
    return content, {name: inputs for name, (_, inputs) in graphs.items()}


def measure(items: int, length: int, calls: int) -> dict[str, Any]:
    """Milliseconds of each call, and the encoder's share, for a catalogue."""
    model = untrained("transformer", length, items, successors=0)
    content, inputs = converted(model)
    with without_info_lines():
        interpreter = Interpreter(model_content=content, num_threads=1)
        runners = {name: interpreter.get_signature_runner(name) for name in inputs}
    feeds = {
        name: {key: np.asarray(value.numpy()) for key, value in tensors.items()}
        for name, tensors in inputs.items()
    }
    row: dict[str, Any] = in_turn(
        {name: (lambda name=name: runners[name](**feeds[name])) for name in runners}, calls
    )
    carried = feeds["cached"]["state"].nbytes
    return {
        **row,
        "encoder_share": round(1 - row["rest"] / row["recommend"], 3),
        "carried_bytes": carried,
    }


def main() -> None:
    """Measure each catalogue and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--items", nargs="+", type=int, default=[3416, 100_000, 1_000_000])
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for items in arguments.items:
        results[items] = row = measure(items, arguments.length, arguments.calls)
        if not arguments.json:
            print(
                f"{items:>9,} items: recommend {row['recommend']:.3f} ms, without its encoder "
                f"{row['rest']:.3f} (the encoder is {row['encoder_share']:.0%}); with "
                f"{row['carried_bytes']:,} bytes carried {row['cached']:.3f}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
