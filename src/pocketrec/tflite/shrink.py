"""Make a .tflite smaller without changing what it computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .serialize import parse, serialize


def shrink(content: bytes) -> bytes:
    """Drop names of inner tensors, and store equal constants and scales once.

    Signatures are compiled one by one, so each brings its own copies of small constants. Names of
    tensors alone take about 30 KB. Names of inputs and outputs stay.
    """
    model = parse(content)
    _inline_buffers(model, content)
    _drop_names(model)
    _share_buffers(model)
    return serialize(model, len(content))


def _inline_buffers(model: Any, content: bytes) -> None:
    """Move weights that the quantizer appended after the flatbuffer back into it."""
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0


def _drop_names(model: Any) -> None:
    for graph in model.subgraphs:
        kept = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in kept:
                tensor.name = None


def _share_buffers(model: Any) -> None:
    """Let tensors with equal bytes share a buffer, and drop buffers that nothing uses."""
    order: list[Any] = [model.buffers[0]]  # buffer 0 is empty by convention
    places: dict[bytes, int] = {}

    def place(index: int) -> int:
        data = model.buffers[index].data
        if data is None or len(data) == 0:
            return 0
        key = bytes(data)
        if key not in places:
            places[key] = len(order)
            order.append(model.buffers[index])
        return places[key]

    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = place(tensor.buffer)
    for entry in model.metadata or []:
        entry.buffer = place(entry.buffer)
    model.buffers = order
