"""The item table inside of a .tflite: read it, and append rows to it.

The graph is edited as it lies in the file, without the converter that made it. What changes is
found by following the table: the products with it are as wide as it is long, and so is all that
is made of them element by element, until items are picked from it, one by one or in groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ..errors import BundleError
from ..schema import FloatArray
from ..tflite.edit import (
    add_tensor,
    constant,
    each_operator,
    in_numbers,
    like,
    operator,
    packed,
    parse,
    rewrite,
    store,
    stored,
    table_buffer,
    unpacked,
)
from ..tflite.shrink import shrink

_KIND, _TYPE = schema.BuiltinOperator, schema.TensorType
_ELEMENTWISE = frozenset({_KIND.ADD, _KIND.DIV, _KIND.LOG, _KIND.MAXIMUM, _KIND.MINIMUM, _KIND.MUL})
_PICKING = frozenset({_KIND.GATHER_ND, _KIND.SLICE, _KIND.TOPK_V2})
_LARGEST = {_TYPE.INT8: 127, _TYPE.INT4: 7}
"""What the largest number of a row becomes, by the table's type."""
_INTEGERS = {_TYPE.INT16: np.int16, _TYPE.INT32: np.int32}


def read_table(content: bytes) -> FloatArray:
    """The item table as floats (V + 1, D)."""
    model = parse(content)
    buffer = table_buffer(model)
    table = next(t for graph in model.subgraphs for t in graph.tensors if t.buffer == buffer)
    data, width = stored(model, table), int(table.shape[1])
    if table.type == _TYPE.FLOAT32:
        return np.frombuffer(data, np.float32).reshape(-1, width)
    is_int4 = table.type == _TYPE.INT4
    numbers = unpacked(data, width) if is_int4 else np.frombuffer(data, np.int8)
    scale = np.asarray(table.quantization.scale, np.float32)
    found: FloatArray = numbers.reshape(-1, width) * scale[:, None]
    return found


def append_rows(content: bytes, vectors: FloatArray) -> bytes:
    """The same model with `vectors` (n, D) as items V + 1 .. V + n; the file's bytes.

    They are quantized as the table is, row by row, and follow no item. Scores of the items that
    were there stay what they were: probabilities, where the graph makes them, are of one out of
    the old items, beside which new ones get what they are worth in comparison. Raises BundleError
    for a graph that uses its table in a way that is not known here.
    """
    model = parse(content)
    buffer = table_buffer(model)
    for graph in model.subgraphs:
        _append(model, graph, buffer, vectors)
    return shrink(rewrite(model, len(content)))


def _append(model: Any, graph: Any, buffer: int, vectors: FloatArray) -> None:
    """Append rows in one signature's graph, whose table lies in `buffer`."""
    tables = [index for index, tensor in enumerate(graph.tensors) if tensor.buffer == buffer]
    rows = int(graph.tensors[tables[0]].shape[0]) if tables else 0
    wide: set[int] = set()  # tensors with a number for each item
    filled: dict[int, int] = {}  # such with more numbers behind them, and what these are behind
    operators, groups = [], 0
    for kind, found in each_operator(model, graph):
        operators.append(found)
        inputs, outputs = list(found.inputs), list(found.outputs)
        first = graph.tensors[inputs[0]]
        if kind == _KIND.FULLY_CONNECTED and inputs[1] in tables:
            wide.update(outputs)
        elif kind == _KIND.SCATTER_ND:  # the third input is its shape
            made = graph.tensors[outputs[0]]
            if list(made.shape) == [1, rows]:  # something for some items
                wide.update(outputs)
                store(model, graph.tensors[inputs[2]], _shape(1, rows + len(vectors)).tobytes())
            elif made.type == _TYPE.INT32:  # where a group is among the chosen ones
                made.shape = _shape(groups)
                store(model, graph.tensors[inputs[2]], made.shape.tobytes())
        elif kind == _KIND.SOFTMAX and inputs[0] in wide:
            wide.update(outputs)
            if not _is_of_some(model, graph, outputs[0]):
                operators += _of_some(model, graph, found, rows)
                wide.update(found.outputs)
        elif kind in _ELEMENTWISE and wide.intersection(inputs):
            wide.update(outputs)
        elif kind == _KIND.GATHER_ND and _is_successors(model, first, rows):
            nobody = np.zeros((len(vectors), first.shape[1]), _INTEGERS[first.type])
            store(model, first, stored(model, first) + nobody.tobytes())
            first.shape = _shape(rows + len(vectors), first.shape[1])
        elif kind == _KIND.CONCATENATION and inputs[0] in wide:
            filled[outputs[0]] = inputs[0]
            operators.pop()
        elif kind == _KIND.RESHAPE and (inputs[0] in wide or inputs[0] in filled):
            source = filled.get(inputs[0], inputs[0])
            operators[-1:] = _grouped(model, graph, found, source, rows + len(vectors))
            groups = int(graph.tensors[outputs[0]].shape[0])
        elif kind not in _PICKING and wide.intersection(inputs):
            raise BundleError("the model's graph uses its scores in a way that is not known")
    graph.operators = operators
    for index in wide:
        graph.tensors[index].shape = _shape(1, rows + len(vectors))
    for index in tables:
        _append_vectors(model, graph.tensors[index], vectors)


def _grouped(model: Any, graph: Any, reshape: Any, source: int, rows: int) -> list[Any]:
    """The operators that cut what `source` holds of `rows` items into groups, the last filled up.

    What takes the best of each group gets another size as well.
    """
    (members,) = map(int, reshape.outputs)
    size = int(graph.tensors[members].shape[1])
    rest = np.full((1, size - rows % size), np.finfo(np.float32).min, np.float32)
    groups = (rows + rest.size) // size
    full = add_tensor(graph, like(graph.tensors[source], "all groups"))
    graph.tensors[full].shape = _shape(1, groups * size)
    filling = add_tensor(graph, constant(model, rest))
    joined = operator(model, _KIND.CONCATENATION, [source, filling], [full], "ConcatenationOptions")
    joined.builtinOptions.axis = 1
    shape = _shape(groups, size)
    wanted = add_tensor(graph, constant(model, shape))
    graph.tensors[members].shape = shape
    reshape.inputs = np.asarray([full, wanted], np.int32)
    for kind, found in each_operator(model, graph):
        if kind == _KIND.REDUCE_MAX and found.inputs[0] == members:
            graph.tensors[found.outputs[0]].shape = _shape(groups)
    return [joined, reshape]


def _shape(*sizes: int) -> NDArray[np.int32]:
    return np.asarray(sizes, np.int32)


def _is_of_some(model: Any, graph: Any, output: int) -> bool:
    """Whether a softmax is already divided by the share of the items that the model came with."""
    return any(k == _KIND.SLICE and o.inputs[0] == output for k, o in each_operator(model, graph))


def _of_some(model: Any, graph: Any, softmax: Any, rows: int) -> list[Any]:
    """The operators that divide a softmax by the sum over the first `rows` of what it gives."""
    (result,) = map(int, softmax.outputs)
    shares = add_tensor(graph, like(graph.tensors[result], "shares of all"))
    softmax.outputs = np.asarray([shares], np.int32)
    old = add_tensor(graph, like(graph.tensors[result], "shares of some"))
    total = add_tensor(graph, like(graph.tensors[result], "share of some"))
    graph.tensors[total].shape = _shape(1, 1)
    begin = add_tensor(graph, constant(model, np.asarray([0, 0], np.int32)))
    size = add_tensor(graph, constant(model, np.asarray([1, rows], np.int32)))
    axis = add_tensor(graph, constant(model, np.asarray([1], np.int32)))
    summing = operator(model, _KIND.SUM, [old, axis], [total], "ReducerOptions")
    summing.builtinOptions.keepDims = True
    return [
        operator(model, _KIND.SLICE, [shares, begin, size], [old], "SliceOptions"),
        summing,
        operator(model, _KIND.DIV, [shares, total], [result], "DivOptions"),
    ]


def _append_vectors(model: Any, table: Any, vectors: FloatArray) -> None:
    """Append to the table, in numbers of its own type."""
    data, count = stored(model, table), len(vectors)
    if table.type == _TYPE.FLOAT32:
        store(model, table, data + vectors.astype(np.float32).tobytes())
    else:
        largest = _LARGEST[table.type]
        numbers, scale = in_numbers(vectors, largest)
        if table.type == _TYPE.INT4:
            numbers = packed(np.concatenate([unpacked(data, int(table.shape[1])), numbers]))
            data = b""
        store(model, table, data + numbers.tobytes())
        found = table.quantization
        found.scale = np.concatenate([found.scale, scale])
        zeros = np.zeros(count, np.asarray(found.zeroPoint).dtype)
        found.zeroPoint = np.concatenate([found.zeroPoint, zeros])
    table.shape = _shape(table.shape[0] + count, table.shape[1])


def _is_successors(model: Any, tensor: Any, rows: int) -> bool:
    """Whether a stored tensor is the list of each item's successors."""
    return tensor.type in _INTEGERS and tensor.shape[0] == rows and bool(stored(model, tensor))
