"""Float weights -> int8 or int4 weights, per row, with activations quantized as they come."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from .quiet import quiet

with quiet():
    from ai_edge_quantizer import quantizer, recipe

_RECIPES = {"int8": recipe.dynamic_wi8_afp32, "int4": recipe.dynamic_wi4_afp32}


def quantize(content: bytes, kind: Literal["float32", "int8", "int4"]) -> bytes:
    """The same model with smaller weights; "float32" gives it back as it is."""
    if kind == "float32":
        return content
    with tempfile.TemporaryDirectory() as scratch, quiet():
        source, target = Path(scratch) / "float.tflite", Path(scratch) / "quantized.tflite"
        source.write_bytes(content)
        result = quantizer.Quantizer(str(source), _RECIPES[kind]()).quantize()
        result.export_model(str(target))
        return target.read_bytes()
