"""Torch modules -> one float32 .tflite with all signatures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ..device import Shapes
from ..models.recommender import RecommenderModel
from ..schema import Signature
from ..tflite import rewrite
from .graph import RecommendGraph, ScoreGraph, example_inputs
from .quiet import quiet

with quiet():
    import litert_torch


def convert(model: RecommenderModel, shapes: Shapes, *, exclude_seen: bool) -> bytes:
    """The file's bytes; every constant is shared by the signatures that use it."""
    model.eval()
    inputs = example_inputs(shapes, model.inputs)
    recommend = RecommendGraph(model, shapes, exclude_seen=exclude_seen).eval()
    score = ScoreGraph(model).eval()
    taken = {
        name: {tensor: inputs[tensor] for tensor in signature.inputs}
        for name, signature in shapes.signatures(model.inputs).items()
    }
    with tempfile.TemporaryDirectory() as scratch, quiet():
        path = Path(scratch) / "model.tflite"
        converted = (
            litert_torch.signature(
                Signature.RECOMMEND,
                recommend,
                sample_kwargs=taken[Signature.RECOMMEND],
            )
            .signature(
                Signature.SCORE,
                score,
                sample_kwargs=taken[Signature.SCORE],
            )
            .convert()
        )
        converted.export(str(path))
        return _quick_scatters(path.read_bytes())


def _quick_scatters(content: bytes) -> bytes:
    """Replace each STABLEHLO_SCATTER that adds by SCATTER_ND, which is far quicker (0008).

    x.scatter_add(1, index, values) becomes x + SCATTER_ND(index, values), which sums values of the
    same index. The converter (litert-torch 0.10) has no way to it, and calls the sum inside of its
    own scatter by a name that no runtime loads.
    """
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    builtin = [code.builtinCode for code in model.operatorCodes]
    scatter = schema.BuiltinOperator.STABLEHLO_SCATTER
    if scatter not in builtin:
        return content
    signatures = [definition.subgraphIndex for definition in model.signatureDefs]
    for graph in (model.subgraphs[index] for index in signatures):
        operators = []
        for operator in graph.operators:
            is_scatter = builtin[operator.opcodeIndex] == scatter
            operators += _by_index(model, graph, operator) if is_scatter else [operator]
        graph.operators = operators
    # What summed inside of the scatters is gone with them: signatures' graphs come first.
    model.subgraphs = model.subgraphs[: max(signatures) + 1]
    return rewrite(model, len(content))


def _by_index(model: Any, graph: Any, scatter: Any) -> list[Any]:
    """The operators that do what a STABLEHLO_SCATTER does, in its graph."""
    operand, indices, values = scatter.inputs
    (result,) = scatter.outputs
    shape, kinds, operators = graph.tensors[result].shape, schema.BuiltinOperator, []

    def add(tensor: Any) -> int:
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    sums = add(_like(graph.tensors[result], f"sums {len(graph.tensors)}"))
    if graph.tensors[indices].type != schema.TensorType.INT32:
        wide = indices
        indices = add(_like(graph.tensors[wide], f"indices {sums}"))
        graph.tensors[indices].type = schema.TensorType.INT32
        operators.append(_operator(model, kinds.CAST, [wide], [indices], "CastOptions"))
    size = add(_constant(model, np.asarray(shape, np.int32)))
    inputs = [indices, values, size]
    operators.append(_operator(model, kinds.SCATTER_ND, inputs, [sums], "ScatterNdOptions"))
    operators.append(_operator(model, kinds.ADD, [operand, sums], [result], "AddOptions"))
    return operators


def _code_index(model: Any, builtin: int) -> int:
    """The place of an operator among the model's, where it is put if it has none."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _like(tensor: Any, name: str) -> Any:
    """A fresh tensor of the same shape and type."""
    fresh = schema.TensorT()
    fresh.name = name.encode()
    fresh.shape, fresh.type, fresh.buffer, fresh.hasRank = tensor.shape, tensor.type, 0, True
    return fresh


def _constant(model: Any, values: npt.NDArray[np.int32]) -> Any:
    """A stored tensor of int32."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name = f"constant {len(model.buffers)}".encode()
    tensor.shape, tensor.type = np.asarray(values.shape, np.int32), schema.TensorType.INT32
    tensor.buffer, tensor.hasRank = len(model.buffers) - 1, True
    return tensor


def _operator(model: Any, builtin: int, inputs: list[int], outputs: list[int], options: str) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = _code_index(model, builtin)
    operator.inputs, operator.outputs = np.asarray(inputs, np.int32), np.asarray(outputs, np.int32)
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    operator.builtinOptions = getattr(schema, f"{options}T")()
    return operator
