"""Float weights -> int8 or int4 weights, per row, with activations quantized as they come."""

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
    """The same model with smaller weights; "float32" gives it back as it is.

    "pq" is int8 but for the item table, which `codes` are put in the place of.
    """
    if kind == "float32":
        return content
    with tempfile.TemporaryDirectory() as scratch, quiet():
        source, target = Path(scratch) / "float.tflite", Path(scratch) / "quantized.tflite"
        source.write_bytes(content)
        result = quantizer.Quantizer(str(source), _RECIPES[kind]()).quantize()
        result.export_model(str(target))
        small = target.read_bytes()
    # Only where equal weights are stored once is the table one for all signatures.
    return small if codes is None else with_codes(shrink(small), codes)
