"""A trained model -> a verified bundle: convert, quantize, shrink, verify, write."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from ..bundle.contract import NEWEST, GraphSpec, Shapes
from ..bundle.device import DeviceModel
from ..bundle.folder import Item, write_bundle
from ..bundle.golden import make_golden
from ..bundle.manifest import BundleManifest
from ..config.sections import Config
from ..conversion.codes import Codes
from ..conversion.convert import convert
from ..conversion.quantize import quantize
from ..models.recommender import RecommenderModel
from ..models.scorer import ModelScorer
from ..preparation.targets import Targets
from ..schema import LARGEST_STATE, RESERVED, VERSION, Column
from ..storage.draft import Draft
from ..tflite.shrink import shrink
from .verify import Verdict, verify

GOLDEN_LENGTHS = (0, 1, 2, 10, 50, 300)
"""Events in the golden histories. They are sampled from the catalogue and belong to no user."""

PRIVATE = {"data": {"path", "items", "users"}}
"""Config keys that hold paths on the user's machine; they are left out of the bundle."""


def export_bundle(
    model: RecommenderModel,
    catalogue: pl.DataFrame,
    targets: Targets,
    config: Config,
    provenance: dict[str, Any],
    draft: Draft,
    *,
    disclosed: dict[str, Any] | None = None,
    adaptation: Tensor | None = None,
    codes: Codes | None = None,
    made_from: str = "",
    accept_quality_loss: bool = False,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Write a model's bundle into `draft` if it passes every gate.

    `catalogue` lists the items; `targets` are validation users; `provenance` describes data and
    training in the manifest; `disclosed` says what the bundle reveals of the log; `adaptation`
    (D, D) comes from `fit_adaptation`; `codes`, from `fit_codes`, replace the item table;
    `made_from` is a fingerprint that lets a second export recognize this one. Raises QualityError
    with the gate that failed and by how much.
    """
    spec = graph_spec(model, config)
    on_stage("converting to .tflite")
    folded = model.folded()
    full = convert(folded, spec, adaptation=adaptation)
    on_stage(f"quantizing to {config.export.quantization}")
    content = shrink(quantize(full, config.export.quantization, codes))
    stored = [tuple(p.shape) for p in folded.parameters()]
    on_stage(f"verifying on {len(targets.targets):,} validation users")
    verdict = verify(
        ModelScorer(model),
        shrink(full),
        content,
        spec,
        targets,
        config.export,
        tables=stored.count((spec.shapes.items + 1, spec.shapes.dim)),
    )
    verdict.require(accept_quality_loss=accept_quality_loss)
    on_stage("writing the bundle")
    device = DeviceModel(content, spec)
    manifest: BundleManifest = {
        "made_from": made_from,
        "exclude_seen": spec.exclude_seen,
        "quantization": config.export.quantization,
        "quality": verdict.to_json(),
        "disclosed": disclosed or {},
        "golden": make_golden(device, _golden_histories(spec.shapes)),
        "config": config.model_dump(mode="json", exclude_unset=True, exclude=PRIVATE),
        "provenance": provenance,
        "versions": {
            "pocketrec": VERSION,
            **{name: version(name) for name in ("torch", "litert-torch", "ai-edge-quantizer")},
        },
    }
    write_bundle(draft, content, catalogue_items(catalogue), spec, manifest)
    return verdict


def graph_spec(model: RecommenderModel, config: Config) -> GraphSpec:
    """The graph to build; lists and candidates are never longer than the catalogue."""
    state = model.state_width or 0
    shapes = Shapes(
        length=model.max_length,
        dim=model.config.dim,
        items=model.item_count,
        results=min(config.export.results, model.item_count),
        candidates=min(config.export.candidates, model.item_count),
        blocked=config.export.blocked,
        state=state if state <= LARGEST_STATE and model.max_length >= NEWEST else 0,
    )
    return GraphSpec(shapes, config.data.exclude_seen, model.features)


def catalogue_items(catalogue: pl.DataFrame) -> list[Item]:
    """Ids, titles and attributes, in order of index; empty attributes are left out."""
    names = [name for name in catalogue.columns if name not in RESERVED]
    return [
        Item(
            row[Column.ITEM],
            row[Column.TITLE],
            {name: row[name] for name in names if row[name] not in (None, [])},
        )
        for row in catalogue.sort(Column.INDEX).iter_rows(named=True)
    ]


def _golden_histories(shapes: Shapes) -> list[list[int]]:
    random = np.random.default_rng(1)
    return [
        random.permutation(np.arange(1, shapes.items + 1))[:length].tolist()
        for length in GOLDEN_LENGTHS
        if length <= shapes.items // 2
    ]
