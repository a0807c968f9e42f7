"""Edit a .tflite file as the object that its schema describes: add to it, and write it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ..errors import BundleError
from .inspect import MAGIC


def parse(content: bytes) -> Any:
    """The file as a ModelT, whose lists may be changed."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def add_tensor(graph: Any, tensor: Any) -> int:
    """Put a tensor into a graph; its index there."""
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


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


def like(tensor: Any, name: str) -> Any:
    """A fresh tensor of the same shape and type."""
    fresh = schema.TensorT()
    fresh.name = name.encode()
    fresh.shape, fresh.type, fresh.buffer, fresh.hasRank = tensor.shape, tensor.type, 0, True
    return fresh


def constant(model: Any, values: npt.NDArray[np.int32] | npt.NDArray[np.float32]) -> Any:
    """A stored tensor of some numbers."""
    tensor = schema.TensorT()
    tensor.name = f"constant {len(model.buffers)}".encode()
    tensor.shape = np.asarray(values.shape, np.int32)
    tensor.type = getattr(schema.TensorType, values.dtype.name.upper())
    tensor.hasRank = True
    store(model, tensor, values.tobytes())
    return tensor


def stored(model: Any, tensor: Any) -> bytes:
    """A tensor's content; empty for what is computed."""
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def store(model: Any, tensor: Any, content: bytes) -> None:
    """Give a tensor its content: in a new buffer, for others may share the old one."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1


def in_numbers(
    rows: npt.NDArray[np.float32], largest: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Rows (n, D) as numbers of -largest..largest (n, D), and what 1 is worth in each row, (n,)."""
    scale = (np.maximum(np.abs(rows).max(1), 1e-12) / largest).astype(np.float32)
    return np.clip(np.rint(rows / scale[:, None]), -largest, largest).astype(np.int8), scale


def unpacked(data: bytes, width: int) -> npt.NDArray[np.int8]:
    """Numbers of 4 bits, two in a byte and the first in its lower half, as rows of `width`."""
    pairs = np.frombuffer(data, np.int8)
    numbers: npt.NDArray[np.int8] = np.stack([pairs << 4 >> 4, pairs >> 4], -1).reshape(-1)
    return numbers[: len(numbers) // width * width].reshape(-1, width)


def packed(numbers: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The other way: numbers of -8..7, of any shape, two in a byte."""
    flat = numbers.reshape(-1)
    flat = np.concatenate([flat, np.zeros(len(flat) % 2, np.int8)])
    found: npt.NDArray[np.int8] = (flat[::2] & 15) | (flat[1::2] << 4)
    return found


def operator(
    model: Any, builtin: int, inputs: list[int], outputs: list[int], options: str | None
) -> Any:
    """An operator, to be put into a graph; `options` names the table of its settings, if any."""
    made = schema.OperatorT()
    made.opcodeIndex = _code_index(model, builtin)
    made.inputs, made.outputs = np.asarray(inputs, np.int32), np.asarray(outputs, np.int32)
    if options is not None:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        made.builtinOptions = getattr(schema, f"{options}T")()
    return made


def each_operator(model: Any, graph: Any) -> Iterator[tuple[int, Any]]:
    """A graph's operators, each with the number of its kind."""
    for found in graph.operators:
        yield model.operatorCodes[found.opcodeIndex].builtinCode, found


def table_buffer(model: Any) -> int:
    """Where the table lies by which items are both looked up and scored."""
    kinds = schema.BuiltinOperator
    used = {kinds.EMBEDDING_LOOKUP: set[int](), kinds.FULLY_CONNECTED: set[int]()}
    for graph in model.subgraphs:
        for kind, found in each_operator(model, graph):
            if kind in used:
                used[kind].add(int(graph.tensors[found.inputs[1]].buffer))
    both = used[kinds.EMBEDDING_LOOKUP] & used[kinds.FULLY_CONNECTED] - {0}
    if len(both) != 1:
        raise BundleError("the model's graph has no table by which items are looked up and scored")
    return both.pop()


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Remembers where it has written what may be shared."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[Any, int] = {}

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of a vector in the file: hundreds of tensors have the same few shapes."""
        key = (str(x.dtype), x.tobytes())
        if key not in self.written:
            self.written[key] = int(super().CreateNumpyVector(x))
        return self.written[key]


def rewrite(model: Any, size: int) -> bytes:
    """Serialize a ModelT, with what its parts have in common stored once for all of them."""
    builder = _Builder(size)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            parameters = tensor.quantization
            if parameters is not None and parameters.details is None and parameters.scale is None:
                tensor.quantization = None  # most tensors are floats, and say so at length
            elif parameters is not None:
                tensor.quantization = _Once(parameters)
        for found in graph.operators:
            if found.builtinOptions is not None:
                found.builtinOptions = _Once(found.builtinOptions)
        graph.tensors = [_Once(tensor) for tensor in graph.tensors]
    model.buffers = [_Aligned(buffer) for buffer in model.buffers]
    builder.Finish(model.Pack(builder), MAGIC)
    return bytes(builder.Output())


class _Once:
    """Packs equal tables once: hundreds of tensors, options and scales differ in nothing."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def Pack(self, builder: _Builder) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of the table in the file."""
        alone = _Builder(256)
        alone.Finish(self.table.Pack(alone))
        key = (type(self.table), bytes(alone.Output()))
        if key not in builder.written:
            builder.written[key] = int(self.table.Pack(builder))
        return builder.written[key]


class _Aligned:
    """Packs a buffer's bytes where kernels may read them as vectors of any type."""

    def __init__(self, buffer: Any) -> None:
        self.data = buffer.data

    def Pack(self, builder: _Builder) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of the table in the file."""
        position = None
        if self.data is not None and len(self.data):
            content = bytes(self.data)
            builder.StartVector(1, len(content), 16)
            builder.head = builder.Head() - len(content)
            builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
            position = builder.EndVector()
        schema.BufferStart(builder)
        if position is not None:
            schema.BufferAddData(builder, position)
        return int(schema.BufferEnd(builder))
