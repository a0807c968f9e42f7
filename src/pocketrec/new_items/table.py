"""The item table inside a .tflite: read it, and append rows to it.

The graph is edited in the file, without the converter that made it. To find the tensors that have
to grow, follow the table through the graph: a product with it has one score per item, and so has
every elementwise result of such tensors, until an operator picks items from them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BundleError
from ..schema import FloatArray
from ..tflite.editor import GraphEditor
from ..tflite.packing import pack, quantize_rows, unpack
from ..tflite.parsed import stored_integers, table_buffer
from ..tflite.serialize import parse, serialize
from ..tflite.shrink import shrink

_ELEMENTWISE = frozenset({"ADD", "DIV", "LOG", "MAXIMUM", "MINIMUM", "MUL"})
_PICKING = frozenset({"GATHER_ND", "RESHAPE", "SCATTER_ND", "SLICE", "TOPK_V2"})
"""Operators that may read one score per item, but whose results are not one per item."""


def read_table(content: bytes) -> FloatArray:
    """The item table as floats (V + 1, D)."""
    model = parse(content)
    buffer = table_buffer(model)
    editors = (GraphEditor(model, graph) for graph in model.subgraphs)
    editor, index = next((e, index) for e in editors for index in e.of_buffer(buffer))
    data, dtype, (_, width) = editor.stored(index), editor.dtype(index), editor.shape(index)
    if dtype == "float32":
        return np.frombuffer(data, np.float32).reshape(-1, width)
    scale = np.asarray(editor.tensor(index).quantization.scale, np.float32)
    rows: FloatArray = unpack(data, dtype, width) * scale[:, None]
    return rows


def append_rows(content: bytes, vectors: FloatArray) -> bytes:
    """The bytes of the same model with `vectors` (n, D) as items V + 1 .. V + n.

    Rows are quantized one by one, to the table's type. New items are successors of no item. Scores
    of existing items do not change: where the graph turns scores into probabilities, these still
    sum to 1 over the old items, and new items are scored on the same scale. Raises BundleError for
    a graph that uses its table in an unknown way.
    """
    model = parse(content)
    buffer = table_buffer(model)
    for graph in model.subgraphs:
        editor = GraphEditor(model, graph)
        if tables := editor.of_buffer(buffer):
            _Growth(editor, tables, vectors).run()
    return shrink(serialize(model, len(content)))


class _Growth:
    """Appends rows in one signature's graph, in which the tensors `tables` hold the item table."""

    def __init__(self, editor: GraphEditor, tables: list[int], vectors: FloatArray) -> None:
        self.editor, self.tables, self.vectors = editor, tables, vectors
        self.old = editor.shape(tables[0])[0]
        self.new = self.old + len(vectors)
        self.wide: set[int] = set()  # tensors (1, V + 1), which have to grow
        self.filled: dict[int, int] = {}  # such a tensor padded to whole groups -> the tensor
        self.members: set[int] = set()  # such tensors cut into G groups, (G, items of a group)
        self.groups = 0  # G, known once the cut is reached
        self.sliced = {int(o.inputs[0]) for name, o in editor.operators() if name == "SLICE"}

    def run(self) -> None:
        """Edit the operators first, because they are recognized by the old shapes."""
        for name, operator in self.editor.walk():
            self._visit(name, operator)
        for index in self.wide:
            self.editor.resize(index, (1, self.new))
        for index in self.tables:
            self._append_vectors(index)

    def _visit(self, name: str, operator: Any) -> None:
        """Keep an operator, or replace it by operators that do the same for more items."""
        inputs, outputs = [*map(int, operator.inputs)], [*map(int, operator.outputs)]
        source, is_wide = inputs[0], not self.wide.isdisjoint(inputs)
        if name == "CONCATENATION" and source in self.wide:
            self.filled[outputs[0]] = source  # rebuilt at the RESHAPE that reads it
            return
        if name == "RESHAPE" and (source in self.wide or source in self.filled):
            self._cut_into_groups(operator, self.filled.get(source, source), outputs[0])
        self.editor.keep(operator)
        is_product = name == "FULLY_CONNECTED" and inputs[1] in self.tables
        if is_product or (name in _ELEMENTWISE and is_wide):
            self.wide.update(outputs)
        elif name == "SOFTMAX" and source in self.wide:
            self._normalize_over_old_items(operator, outputs[0])
        elif name == "SCATTER_ND":
            self._scatter(shape=inputs[2], result=outputs[0])
        elif name == "GATHER_ND":
            self._append_successors(source)
        elif name == "REDUCE_MAX" and source in self.members:
            self.editor.resize(outputs[0], (self.groups,))
        elif name not in _PICKING and is_wide:
            raise BundleError(
                "the model's graph uses its scores in an unknown way: export the run again with "
                "this version"
            )

    def _scatter(self, *, shape: int, result: int) -> None:
        """A SCATTER_ND, which reads the shape of its result from a constant."""
        if self.editor.shape(result) == (1, self.old):
            self.wide.add(result)
            self._store_shape(shape, (1, self.new))
        elif self.groups and self.editor.dtype(result) == "int32":
            # conversion/top.py: the place of each group among the chosen ones.
            self.editor.resize(result, (self.groups,))
            self._store_shape(shape, (self.groups,))

    def _store_shape(self, index: int, shape: tuple[int, ...]) -> None:
        self.editor.store(index, np.asarray(shape, np.int32).tobytes())

    def _normalize_over_old_items(self, softmax: Any, result: int) -> None:
        """Divide a softmax by its sum over the old items, so that their probabilities stay."""
        self.wide.add(result)
        if result in self.sliced:
            return  # done when items were first added; the sum covers the trained items only
        editor, old = self.editor, (1, self.old)
        shares, old_shares, total = map(editor.add_tensor, (old, old, (1, 1)))
        begin = editor.constant("begin", np.asarray([0, 0], np.int32))
        size = editor.constant("size", np.asarray(old, np.int32))
        axis = editor.constant("axis", np.asarray([1], np.int32))
        editor.rewire(softmax, outputs=[shares])
        editor.op("SLICE", [shares, begin, size], old_shares)
        editor.op("SUM", [old_shares, axis], total, keepDims=True)
        editor.op("DIV", [shares, total], result)
        self.wide.add(shares)

    def _append_successors(self, index: int) -> None:
        """Append an empty list for each new item, if a constant holds the items' successors."""
        lists = stored_integers(self.editor.model, self.editor.tensor(index))
        if lists is not None and lists.shape[:1] == (self.old,):
            nobody = np.zeros((len(self.vectors), *lists.shape[1:]), lists.dtype)
            self.editor.store(index, lists.tobytes() + nobody.tobytes())
            self.editor.resize(index, (self.new, *lists.shape[1:]))

    def _cut_into_groups(self, reshape: Any, scores: int, members: int) -> None:
        """Let a RESHAPE cut the scores of all items into groups, the last one padded."""
        editor, size = self.editor, self.editor.shape(members)[1]
        # Padding has the lowest score. If the items fill all groups, it becomes one more group.
        padding = np.full((1, size - self.new % size), np.finfo(np.float32).min, np.float32)
        self.groups = (self.new + padding.size) // size
        full = editor.add_tensor((1, self.groups * size))
        editor.op("CONCATENATION", [scores, editor.constant("padding", padding)], full, axis=1)
        shape = np.asarray([self.groups, size], np.int32)
        editor.rewire(reshape, [full, editor.constant("shape of groups", shape)])
        editor.resize(members, (self.groups, size))
        self.members.add(members)

    def _append_vectors(self, index: int) -> None:
        """Append the vectors to the table, in its own element type."""
        editor, (_, width) = self.editor, self.editor.shape(index)
        data, dtype = editor.stored(index), editor.dtype(index)
        if dtype == "float32":
            editor.store(index, data + self.vectors.astype(np.float32).tobytes())
        else:
            integers, scale = quantize_rows(self.vectors, dtype)
            integers = np.concatenate([unpack(data, dtype, width), integers])
            editor.store(index, pack(integers, dtype).tobytes())
            parameters = editor.tensor(index).quantization
            zeros = np.zeros(len(scale), np.asarray(parameters.zeroPoint).dtype)
            parameters.scale = np.concatenate([parameters.scale, scale])
            parameters.zeroPoint = np.concatenate([parameters.zeroPoint, zeros])
        editor.resize(index, (self.new, width))
