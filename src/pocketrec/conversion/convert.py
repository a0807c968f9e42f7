"""Torch modules -> one float32 .tflite with all signatures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn

from ..bundle.contract import GraphSpec
from ..bundle.quiet import quiet
from ..models.recommender import RecommenderModel
from ..schema import Signature
from ..tflite.editor import GraphEditor
from ..tflite.serialize import parse, serialize
from .graph import AdaptGraph, RecommendGraph, ScoreGraph, StepGraph, example_inputs

with quiet():
    import litert_torch


def convert(model: RecommenderModel, spec: GraphSpec, *, adaptation: Tensor | None = None) -> bytes:
    """The bytes of a .tflite with every signature of `spec`.

    `adaptation` (D, D) maps an item's vector to the direction in which `adapt` moves a user. The
    default is the identity: straight toward the item.
    """
    model.eval()
    if adaptation is None:
        adaptation = torch.eye(spec.shapes.dim)
    recommend = RecommendGraph(model, spec)
    graphs = {
        Signature.RECOMMEND: recommend,
        Signature.STEP: StepGraph(recommend),
        Signature.SCORE: ScoreGraph(model),
        Signature.ADAPT: AdaptGraph(model, adaptation),
    }
    return to_tflite(
        {
            name: (graphs[name], example_inputs(signature))
            for name, signature in spec.signatures().items()
        }
    )


def to_tflite(graphs: Mapping[str, tuple[nn.Module, dict[str, Tensor]]]) -> bytes:
    """One .tflite with a signature for each graph, by name; each comes with example inputs."""
    converter: Any = litert_torch
    for name, (graph, inputs) in graphs.items():
        converter = converter.signature(name, graph.eval(), sample_kwargs=inputs)
    with tempfile.TemporaryDirectory() as scratch, quiet():
        path = Path(scratch) / "model.tflite"
        converted = converter.convert()
        converted.export(str(path))
        return _quick_scatters(path.read_bytes())


def _quick_scatters(content: bytes) -> bytes:
    """The same model with a much faster SCATTER_ND for each adding STABLEHLO_SCATTER.

    litert-torch 0.10 cannot emit SCATTER_ND, and no runtime loads the scatters it does emit,
    because of the way they refer to the graph of their sum (decision 0008).
    """
    model = parse(content)
    scatter = schema.BuiltinOperator.STABLEHLO_SCATTER
    if all(code.builtinCode != scatter for code in model.operatorCodes):
        return content
    signatures = [definition.subgraphIndex for definition in model.signatureDefs]
    for index in signatures:
        editor = GraphEditor(model, model.subgraphs[index])
        for name, operator in editor.walk():
            if name == "STABLEHLO_SCATTER":
                _scatter_by_index(editor, operator)
            else:
                editor.keep(operator)
        editor.discard_unread()
    # The graphs after those of the signatures held the scatters' sums, which nothing uses now.
    model.subgraphs = model.subgraphs[: max(signatures) + 1]
    return serialize(model, len(content))


def _scatter_by_index(editor: GraphEditor, scatter: Any) -> None:
    """x.scatter_add(1, index, values) as x + SCATTER_ND(index, values), without x if it is zero.

    SCATTER_ND sums the values of equal indices.
    """
    operand, indices, values = map(int, scatter.inputs)
    (result,) = map(int, scatter.outputs)
    shape, content = editor.shape(result), editor.stored(operand)
    is_zero = bool(content) and not np.frombuffer(content, np.uint8).any()
    sums = result if is_zero else editor.add_tensor(shape, editor.dtype(result))
    if editor.dtype(indices) != "int32":
        indices = editor.op("CAST", [indices], editor.shape(indices), "int32")
    size = editor.constant(f"shape of {result}", np.asarray(shape, np.int32))
    editor.op("SCATTER_ND", [indices, values, size], sums)
    if not is_zero:
        editor.op("ADD", [operand, sums], result)
