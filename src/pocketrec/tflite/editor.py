"""Edit one graph of a parsed .tflite: add operators and constants, rewire, resize, discard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ..schema import FloatArray
from .names import TYPE_NAMES
from .packing import pack, quantize_rows
from .parsed import each_operator, stored

Shape = tuple[int, ...]

OPTIONS: dict[str, str | None] = {
    "ADD": "AddOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DIV": "DivOptions",
    "EMBEDDING_LOOKUP": None,
    "GATHER": "GatherOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "SCATTER_ND": "ScatterNdOptions",
    "SLICE": "SliceOptions",
    "SUM": "ReducerOptions",
}
"""Operators that an edit may add, and the schema's table of their options; None without options."""


class GraphEditor:
    """Changes one graph of a model in place. A tensor is named by its index in the graph.

    Operators run in the order of the graph's list, so an edit writes the list anew: `walk` takes
    every operator off, one by one, `keep` puts it back at the end, and `op` adds a new one there.
    An operator that is not kept is gone.
    """

    def __init__(self, model: Any, graph: Any) -> None:
        self.model, self.graph = model, graph
        self._constants: dict[tuple[Any, ...], int] = {}

    def operators(self) -> Iterator[tuple[str, Any]]:
        """The operators in order, each with its name; the graph stays as it is."""
        return each_operator(self.model, self.graph)

    def walk(self) -> Iterator[tuple[str, Any]]:
        """Take every operator off, in order, each with its name."""
        before = list(self.operators())
        self.graph.operators = []
        yield from before

    def keep(self, operator: Any) -> None:
        """Put an operator at the end of the graph."""
        self.graph.operators.append(operator)

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        output: int | Shape,
        dtype: str = "float32",
        **options: Any,
    ) -> int:
        """Add an operator of OPTIONS; returns the tensor that it computes.

        `output` is the index of that tensor, or the shape of a new one of `dtype`. `options` are
        fields of the operator's options, as the schema spells them (`axis=1`).
        """
        result = output if isinstance(output, int) else self.add_tensor(output, dtype)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code_index(getattr(schema.BuiltinOperator, name))
        if (table := OPTIONS[name]) is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, f"{table}T")()
        for option, value in options.items():
            setattr(operator.builtinOptions, option, value)
        self.rewire(operator, inputs, [result])
        self.keep(operator)
        return result

    def reshape(self, tensor: int, shape: Shape) -> int:
        """Add a RESHAPE; returns the tensor of the new shape."""
        wanted = self.constant(f"shape {shape}", np.asarray(shape, np.int32))
        return self.op("RESHAPE", [tensor, wanted], shape, self.dtype(tensor))

    def repeat(self, operator: Any, inputs: Sequence[int], output: Shape) -> int:
        """Add a float32 operator with the options of another; returns the tensor it computes."""
        result = self.add_tensor(output)
        self.keep(self.rewire(copy(operator), inputs, [result]))
        return result

    def rewire(
        self,
        operator: Any,
        inputs: Sequence[int] | None = None,
        outputs: Sequence[int] | None = None,
    ) -> Any:
        """Let an operator read and write other tensors; None leaves a side as it is."""
        if inputs is not None:
            operator.inputs = np.asarray(inputs, np.int32)
        if outputs is not None:
            operator.outputs = np.asarray(outputs, np.int32)
        return operator

    def add_tensor(self, shape: Shape, dtype: str = "float32", name: str = "") -> int:
        """A new tensor that no operator computes yet."""
        tensor = schema.TensorT()
        index = len(self.graph.tensors)
        # The quantizer knows tensors by their names, so no two may be the same.
        tensor.name = f"{name or 'tensor'} {index}".encode()
        tensor.type, tensor.buffer = getattr(schema.TensorType, dtype.upper()), 0
        tensor.hasRank = True
        self.graph.tensors.append(tensor)
        self.resize(index, shape)
        return index

    def constant(self, name: str, values: npt.NDArray[Any]) -> int:
        """A tensor that holds `values`: one for all calls with this name and these values."""
        key = (name, values.dtype.name, values.shape, values.tobytes())
        if key not in self._constants:
            self._constants[key] = self.add_tensor(values.shape, values.dtype.name, name)
            self.store(self._constants[key], values.tobytes())
        return self._constants[key]

    def weights(self, name: str, rows: FloatArray, dtype: str) -> int:
        """A new tensor (n, D) that holds `rows` as "int8" or "int4", with a scale a row."""
        integers, scale = quantize_rows(rows, dtype)
        index = self.add_tensor(rows.shape, dtype, name)
        self.store(index, pack(integers, dtype).tobytes())
        parameters = schema.QuantizationParametersT()
        parameters.scale, parameters.zeroPoint = scale, np.zeros(len(scale), np.int64)
        parameters.quantizedDimension = 0
        self.tensor(index).quantization = parameters
        return index

    def tensor(self, index: int) -> Any:
        """A tensor as the schema's TensorT."""
        return self.graph.tensors[index]

    def shape(self, index: int) -> Shape:
        """A tensor's shape."""
        return tuple(map(int, self.tensor(index).shape))

    def dtype(self, index: int) -> str:
        """A tensor's element type: "float32", "int8", ..."""
        return TYPE_NAMES[self.tensor(index).type]

    def stored(self, index: int) -> bytes:
        """A constant's bytes; empty for a tensor that an operator computes."""
        return stored(self.model, self.tensor(index))

    def of_buffer(self, buffer: int) -> list[int]:
        """The constants whose bytes lie in a buffer of the model."""
        return [n for n, tensor in enumerate(self.graph.tensors) if tensor.buffer == buffer]

    def resize(self, index: int, shape: Shape) -> None:
        """Give a tensor another shape."""
        self.tensor(index).shape = np.asarray(shape, np.int32)

    def store(self, index: int, content: bytes) -> None:
        """Give a tensor its bytes, in a new buffer: other tensors may share the old one."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        self.model.buffers.append(buffer)
        self.tensor(index).buffer = len(self.model.buffers) - 1

    def discard_unread(self) -> None:
        """Empty the constants that no operator reads and the graph does not give back.

        Their places stay, so that no other index changes.
        """
        read = {int(index) for operator in self.graph.operators for index in operator.inputs}
        for index, tensor in enumerate(self.graph.tensors):
            if tensor.buffer and index not in read | {*self.graph.outputs}:
                tensor.buffer, tensor.quantization = 0, None

    def _code_index(self, builtin: int) -> int:
        """The place of an operator in the model's list, which it is added to if it is not there."""
        for index, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == builtin:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1
