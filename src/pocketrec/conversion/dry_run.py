"""Check that an encoder can be exported, with an untrained model, before any training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..bundle.contract import NEWEST, GraphSpec, Shapes, check_operators
from ..config.sections import Config
from ..errors import BundleError, ConfigError
from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..schema import Signature
from ..tflite.inspect import inspect
from ..tflite.shrink import shrink
from .convert import to_tflite
from .graph import example_inputs
from .quantize import quantize

ITEMS = 50
LENGTH = 4
"""Sizes of the small model. They do not change which operators are used. L is small because
recurrent encoders are unrolled: converting takes longer the larger L is."""


def dry_run(config: Config, features: Sequence[Feature] = ()) -> None:
    """Convert an untrained encoder with its features; raise ConfigError if that fails.

    Checks only the operators of the encoder. Ranking (`top.py`) is the same for every encoder and
    is left out, so the check takes a few seconds instead of fifteen. Item attributes are left out
    too, because they are summed into the item table before conversion.
    """
    encoders = _encoders(config)
    try:
        content = convert_encoder(config, features)
    except Exception as error:  # the converter raises whatever its libraries raise
        if isinstance(error, ConfigError):  # the class could not be imported
            raise
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise ConfigError(
            f"{encoders} cannot be converted to .tflite ({type(error).__name__}: {reason}): write "
            "it with tensor operations of fixed shapes, and without branches on values"
        ) from error
    try:
        check_operators(inspect(content))
    except BundleError as error:
        raise ConfigError(
            f"{encoders} cannot be exported, because {error}: write it with allowed ones, in "
            "`last` and `step` if `forward` is to stay as it is"
        ) from None


def convert_encoder(config: Config, features: Sequence[Feature]) -> bytes:
    """The part of the graph that computes the user vector, quantized as the config says."""
    length = min(config.model.value("max_length"), LENGTH)
    sizes = config.model.model_copy(update={"max_length": length, "successors": 0})
    with torch.random.fork_rng(devices=[]):  # leaves the caller's random state alone
        model = RecommenderModel(ITEMS, sizes, features=features).folded()
    state = model.state_width or 0
    shapes = Shapes(length, sizes.dim, ITEMS, 1, 1, 1, state if length >= NEWEST else 0)
    signatures = GraphSpec(shapes, exclude_seen=False, features=tuple(features)).signatures()
    graphs: dict[str, tuple[nn.Module, dict[str, Tensor]]] = {}
    for name, graph in ((Signature.RECOMMEND, _User(model)), (Signature.STEP, _Step(model))):
        if name in signatures:
            inputs = example_inputs(signatures[name])
            for of_ranking in (Signature.BLOCKED, Signature.USER_VECTOR):
                del inputs[of_ranking]
            graphs[name] = graph, inputs
    # "pq" is an int8 file with codes for its item table, and codes need trained weights.
    kind = "int8" if config.export.quantization == "pq" else config.export.quantization
    return shrink(quantize(to_tflite(graphs), kind))


class _User(nn.Module):
    """item_id (1, L) and feature rows -> user vector (1, D)."""

    def __init__(self, model: RecommenderModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, item_id: Tensor, **rows: Tensor) -> dict[str, Tensor]:
        return {Signature.USER_VECTOR: self.model.user_vector(item_id, rows)}


class _Step(_User):
    """state (1, S), item_id (1, L), rows of the newest events -> state (1, S), vector (1, D)."""

    def forward(self, state: Tensor, item_id: Tensor, **rows: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        after, user = self.model.step(state, item_id, rows)
        return {Signature.STATE: after, Signature.USER_VECTOR: user}


def _encoders(config: Config) -> str:
    """The config keys that choose encoders, for error messages."""
    if not config.model.groups:
        return f"model.encoder = '{config.model.encoder}'"
    groups = config.model.groups.items()
    return ", ".join(f"model.groups.{name}.encoder = '{of.encoder}'" for name, of in groups)
