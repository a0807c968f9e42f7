"""A .tflite file as the objects of its schema, and back."""

from __future__ import annotations

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from .inspect import MAGIC


def parse(content: bytes) -> Any:
    """The file as a ModelT, whose lists may be changed."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def serialize(model: Any, size: int) -> bytes:
    """The file of a ModelT; equal tensors, options and shapes are written once.

    `size` is a guess at the file's bytes, which saves the builder some growing. The model is used
    up: its tables can be written, but not read again.
    """
    builder = _Builder(size)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            parameters = tensor.quantization
            if parameters is not None and parameters.details is None and parameters.scale is None:
                tensor.quantization = None  # the converter gives every float tensor empty ones
            elif parameters is not None:
                tensor.quantization = _Once(parameters)
        for operator in graph.operators:
            if operator.builtinOptions is not None:
                operator.builtinOptions = _Once(operator.builtinOptions)
        graph.tensors = [_Once(tensor) for tensor in graph.tensors]
    model.buffers = [_Aligned(buffer) for buffer in model.buffers]
    builder.Finish(model.Pack(builder), MAGIC)
    return bytes(builder.Output())


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Remembers where it wrote what may be shared."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[Any, int] = {}

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of a vector in the file; hundreds of tensors share a few shapes."""
        key = (str(x.dtype), x.tobytes())
        if key not in self.written:
            self.written[key] = int(super().CreateNumpyVector(x))
        return self.written[key]


class _Once:
    """Writes a table at its first use; later equal ones refer to it."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def Pack(self, builder: _Builder) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of the table in the file."""
        # Tables are equal if a builder of their own gives the same bytes.
        alone = _Builder(256)
        alone.Finish(self.table.Pack(alone))
        key = (type(self.table), bytes(alone.Output()))
        if key not in builder.written:
            builder.written[key] = int(self.table.Pack(builder))
        return builder.written[key]


class _Aligned:
    """Writes a buffer's bytes at a multiple of 16, so that kernels may read vectors of any type."""

    def __init__(self, buffer: Any) -> None:
        self.data = buffer.data

    def Pack(self, builder: _Builder) -> int:  # noqa: N802 (flatbuffers' name)
        """Position of the table in the file."""
        position = None
        if self.data is not None and len(self.data):
            content = bytes(self.data)
            builder.StartVector(1, len(content), 16)
            # flatbuffers would write byte by byte.
            builder.head = builder.Head() - len(content)
            builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
            position = builder.EndVector()
        schema.BufferStart(builder)
        if position is not None:
            schema.BufferAddData(builder, position)
        return int(schema.BufferEnd(builder))
