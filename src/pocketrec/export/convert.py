"""Torch modules -> one float32 .tflite with all signatures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..device import Shapes
from ..models.recommender import RecommenderModel
from ..schema import Signature
from .graph import RecommendGraph, ScoreGraph, example_inputs
from .quiet import quiet

with quiet():
    import litert_torch


def convert(model: RecommenderModel, shapes: Shapes, *, exclude_seen: bool) -> bytes:
    """The file's bytes; every constant is shared by the signatures that use it."""
    model.eval()
    inputs = example_inputs(shapes)
    recommend = RecommendGraph(model, shapes, exclude_seen=exclude_seen).eval()
    score = ScoreGraph(model).eval()
    taken = {
        Signature.RECOMMEND: (Signature.ITEM_ID, Signature.BLOCKED, Signature.USER_VECTOR),
        Signature.SCORE: (Signature.ITEM_ID, Signature.USER_VECTOR, Signature.CANDIDATES),
    }
    with tempfile.TemporaryDirectory() as scratch, quiet():
        path = Path(scratch) / "model.tflite"
        converted = (
            litert_torch.signature(
                Signature.RECOMMEND,
                recommend,
                sample_kwargs={name: inputs[name] for name in taken[Signature.RECOMMEND]},
            )
            .signature(
                Signature.SCORE,
                score,
                sample_kwargs={name: inputs[name] for name in taken[Signature.SCORE]},
            )
            .convert()
        )
        converted.export(str(path))
        return path.read_bytes()
