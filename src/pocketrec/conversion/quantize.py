"""Float weights -> int8 or int4 weights, one scale per row, with dynamic quantization."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..bundle.quiet import quiet
from ..config.export import QuantizationName
from ..tflite.shrink import shrink
from .coded import with_codes
from .codes import Codes

with quiet():
    from ai_edge_quantizer import quantizer, recipe

_RECIPES = {
    "int8": recipe.dynamic_wi8_afp32,
    "int4": recipe.dynamic_wi4_afp32,
    "pq": recipe.dynamic_wi8_afp32,
}


def quantize(content: bytes, kind: QuantizationName, codes: Codes | None = None) -> bytes:
    """The same model with smaller weights; "float32" returns it unchanged.

    "pq" is int8, except that `codes` replace the item table.
    """
    if kind == "float32":
        return content
    with tempfile.TemporaryDirectory() as scratch, quiet():
        source, target = Path(scratch) / "float.tflite", Path(scratch) / "quantized.tflite"
        source.write_bytes(content)
        result = quantizer.Quantizer(str(source), _RECIPES[kind]()).quantize()
        result.export_model(str(target))
        small = target.read_bytes()
    # `shrink` stores equal weights once. Before that, each signature has an item table of its own.
    return small if codes is None else with_codes(shrink(small), codes)
