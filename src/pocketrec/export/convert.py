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

from ..bundle.contract import Shapes
from ..bundle.quiet import quiet
from ..models.recommender import RecommenderModel
from ..schema import Signature
from ..tflite.edit import add_tensor, constant, like, operator, parse, rewrite, stored
from .graph import AdaptGraph, RecommendGraph, ScoreGraph, StepGraph, example_inputs

with quiet():
    import litert_torch


def convert(
    model: RecommenderModel,
    shapes: Shapes,
    *,
    exclude_seen: bool,
    adaptation: Tensor | None = None,
) -> bytes:
    """The file's bytes; every constant is shared by the signatures that use it.

    `adaptation` (D, D) says how `adapt` moves a user; without one, straight toward the item.
    """
    model.eval()
    if adaptation is None:
        adaptation = torch.eye(shapes.dim)
    recommend = RecommendGraph(model, shapes, exclude_seen=exclude_seen)
    graphs = {
        Signature.RECOMMEND: recommend,
        Signature.STEP: StepGraph(recommend),
        Signature.SCORE: ScoreGraph(model),
        Signature.ADAPT: AdaptGraph(model, adaptation),
    }
    return to_tflite(
        {
            name: (graphs[name], example_inputs(signature))
            for name, signature in shapes.signatures(model.features).items()
        }
    )


def to_tflite(graphs: Mapping[str, tuple[nn.Module, dict[str, Tensor]]]) -> bytes:
    """One file of the graphs by their signature's name, each with a value of every input."""
    converter: Any = litert_torch
    for name, (graph, inputs) in graphs.items():
        converter = converter.signature(name, graph.eval(), sample_kwargs=inputs)
    with tempfile.TemporaryDirectory() as scratch, quiet():
        path = Path(scratch) / "model.tflite"
        converted = converter.convert()
        converted.export(str(path))
        return _quick_scatters(path.read_bytes())


def _quick_scatters(content: bytes) -> bytes:
    """Replace each STABLEHLO_SCATTER that adds by SCATTER_ND, which is far quicker (0008).

    x.scatter_add(1, index, values) becomes x + SCATTER_ND(index, values), which sums values of the
    same index, or the latter alone where x is zero. The converter (litert-torch 0.10) has no way to
    it, and calls the sum inside of its own scatter by a name that no runtime loads.
    """
    model = parse(content)
    builtin = [code.builtinCode for code in model.operatorCodes]
    scatter = schema.BuiltinOperator.STABLEHLO_SCATTER
    if scatter not in builtin:
        return content
    signatures = [definition.subgraphIndex for definition in model.signatureDefs]
    for graph in (model.subgraphs[index] for index in signatures):
        operators = []
        for found in graph.operators:
            is_scatter = builtin[found.opcodeIndex] == scatter
            operators += _by_index(model, graph, found) if is_scatter else [found]
        graph.operators = operators
    # What summed inside of the scatters is gone with them: signatures' graphs come first.
    model.subgraphs = model.subgraphs[: max(signatures) + 1]
    return rewrite(model, len(content))


def _by_index(model: Any, graph: Any, scatter: Any) -> list[Any]:
    """The operators that do what a STABLEHLO_SCATTER does, in its graph."""
    operand, indices, values = scatter.inputs
    (result,) = scatter.outputs
    shape, kinds, operators = graph.tensors[result].shape, schema.BuiltinOperator, []
    begins = stored(model, graph.tensors[operand])
    is_zero = bool(begins) and not np.frombuffer(begins, np.uint8).any()
    if is_zero:
        graph.tensors[operand].buffer, sums = 0, result
    else:
        sums = add_tensor(graph, like(graph.tensors[result], f"sums {len(graph.tensors)}"))
    if graph.tensors[indices].type != schema.TensorType.INT32:
        wide = indices
        indices = add_tensor(graph, like(graph.tensors[wide], f"indices {sums}"))
        graph.tensors[indices].type = schema.TensorType.INT32
        operators.append(operator(model, kinds.CAST, [wide], [indices], "CastOptions"))
    size = add_tensor(graph, constant(model, np.asarray(shape, np.int32)))
    inputs = [indices, values, size]
    operators.append(operator(model, kinds.SCATTER_ND, inputs, [sums], "ScatterNdOptions"))
    if not is_zero:
        operators.append(operator(model, kinds.ADD, [operand, sums], [result], "AddOptions"))
    return operators
