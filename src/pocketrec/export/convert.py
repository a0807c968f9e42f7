"""Torch modules -> one float32 .tflite with all signatures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

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
        return _name_sums(path.read_bytes())


def _name_sums(content: bytes) -> bytes:
    """Call the sum inside of a scatter STABLEHLO_ADD, the only name by which its kernel knows it.

    The converter (litert-torch 0.10) calls it ADD, which no runtime loads.
    """
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    codes = [code.builtinCode for code in model.operatorCodes]
    inner = {
        operator.builtinOptions2.updateComputationSubgraphIndex
        for graph in model.subgraphs
        for operator in graph.operators
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.STABLEHLO_SCATTER
    }
    sums = [
        operator
        for index in inner
        for operator in model.subgraphs[index].operators
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.ADD
    ]
    if not sums:
        return content
    model.operatorCodes.append(_code(schema.BuiltinOperator.STABLEHLO_ADD))
    for operator in sums:
        operator.opcodeIndex = len(codes)
        operator.builtinOptionsType = schema.BuiltinOptions.NONE
        operator.builtinOptions = None
    return rewrite(model, len(content))


def _code(builtin: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = builtin, 1
    code.deprecatedBuiltinCode = 127  # "see builtinCode", for codes above 127
    return code
