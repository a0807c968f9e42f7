"""What a parsed model holds: its operators, its constants and its item table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BundleError
from .names import OPERATOR_NAMES, TYPE_NAMES

Integers = npt.NDArray[np.int16] | npt.NDArray[np.int32]


def each_operator(model: Any, graph: Any) -> Iterator[tuple[str, Any]]:
    """A graph's operators in order, each with its name."""
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        yield OPERATOR_NAMES.get(code, f"#{code}"), operator


def stored(model: Any, tensor: Any) -> bytes:
    """A constant's bytes; empty for a tensor that an operator computes."""
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def stored_integers(model: Any, tensor: Any) -> Integers | None:
    """A constant's values if they are int16 or int32, in its shape; else None."""
    dtype, data = TYPE_NAMES.get(tensor.type), stored(model, tensor)
    if dtype not in ("int16", "int32") or not data:
        return None
    shape = () if tensor.shape is None else tensor.shape  # a scalar may come without one
    integers: Integers = np.frombuffer(data, dtype).reshape(shape)
    return integers


def table_buffer(model: Any) -> int:
    """The buffer of the item table: the one constant that is both looked up and multiplied with.

    Raises BundleError unless exactly one is.
    """
    buffers = {"EMBEDDING_LOOKUP": set[int](), "FULLY_CONNECTED": set[int]()}
    for graph in model.subgraphs:
        for name, operator in each_operator(model, graph):
            if name in buffers:
                buffers[name].add(int(graph.tensors[operator.inputs[1]].buffer))
    both = buffers["EMBEDDING_LOOKUP"] & buffers["FULLY_CONNECTED"] - {0}
    if len(both) != 1:
        raise BundleError("the model's graph has no table by which items are looked up and scored")
    return both.pop()
