"""Small trained models of every encoder, and their files, made once a session."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.config.encoders import ENCODERS as SPECS
from pocketrec.config.model import ModelConfig
from pocketrec.conversion.codes import Codes, fit_codes
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.models.encoders import encoder_class
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.tflite.shrink import shrink
from support.shared import shared_folder

FILE = "model.tflite"
ENCODERS = tuple(SPECS)
STEPPING = tuple(name for name in ENCODERS if encoder_class(name).has_step())
"""Encoders whose files have a signature `step`."""
V, L, D = 29, 5, 16
K, C, N = 12, 7, 9
STEPS = np.tile(np.arange(0, 2 * V, 2, dtype=np.int32) % V + 1, 3)
ROUND = Sequences(STEPS, np.array([0, len(STEPS)], np.int64))
"""A user who goes round in steps of two."""


@dataclass(frozen=True)
class Made:
    """A model, and its float file as the converter gave it."""

    model: RecommenderModel
    spec: GraphSpec
    full: bytes

    @cached_property
    def codes(self) -> Codes:
        """Of four bytes an item, fitted to users who go round."""
        return fit_codes(self.model, ROUND, ROUND.counts(V), 4)

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        return {}

    def content(self, kind: str) -> bytes:
        """The file as it is exported, of a quantization."""
        if kind not in self._contents:
            codes = self.codes if kind == "pq" else None
            self._contents[kind] = shrink(quantize(self.full, kind, codes))
        return self._contents[kind]

    def device(self, kind: str) -> DeviceModel:
        return DeviceModel(self.content(kind), self.spec)

    def scorer(self) -> ModelScorer:
        return ModelScorer(self.model)


def successor(item: int) -> int:
    """What always comes after an item: the next one, round and round."""
    return item % V + 1


def walk(last: int, length: int) -> np.ndarray:
    """`length` events in a row, the last of them `last`."""
    return np.array([(last - 1 - back) % V + 1 for back in reversed(range(length))], np.int32)


def train(model: RecommenderModel, steps: int = 150) -> None:
    """Learn that every item is followed by its successor."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    walks = torch.from_numpy(np.stack([walk(item, L) for item in range(1, V + 1)]))
    targets = walks % V + 1
    model.train()
    for _ in range(steps):
        logits = model.logits(model.states(walks))
        # Events of a user without history: item 1 most often, item 2 less, and so on.
        start = F.log_softmax(model.logits(model.cold_start.unsqueeze(0)), -1)[0, 1:]
        wanted = torch.softmax(-torch.arange(V) / 8, 0)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten().long())
        (loss - (start * wanted).sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


@cache
def make(encoder: str, *, exclude_seen: bool = True, successors: int = 8) -> Made:
    torch.manual_seed(1)
    sizes = {"dim": D, "max_length": L, "dropout": 0.0, "item_dropout": 0.0}
    model = RecommenderModel(V, ModelConfig(encoder=encoder, successors=successors, **sizes))
    if model.successors is not None:
        model.successors.count(ROUND)  # successors and encoder disagree
    train(model)
    state = model.state_width or 0
    shapes = Shapes(length=L, dim=D, items=V, results=K, candidates=C, blocked=N, state=state)
    spec = GraphSpec(shapes, exclude_seen)
    name = f"model {encoder} {exclude_seen} {successors}"
    folder = shared_folder(name, lambda folder: (folder / FILE).write_bytes(convert(model, spec)))
    return Made(model, spec, (folder / FILE).read_bytes())


ALL = np.arange(1, V + 1, dtype=np.int32)
NOBODY = np.empty(0, np.int32)
encoders = pytest.mark.parametrize("encoder", ENCODERS)
stepping = pytest.mark.parametrize("encoder", STEPPING)
kinds = pytest.mark.parametrize("kind", ["float32", "int8", "pq"])


def histories(seed=3):
    """Of every length to twice L: walks, and items in any order."""
    random = np.random.default_rng(seed)
    for length in range(2 * L + 1):
        yield walk(int(random.integers(1, V + 1)), length)
        yield random.integers(1, V + 1, length).astype(np.int32)
