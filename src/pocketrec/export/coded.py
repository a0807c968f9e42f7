"""A .tflite whose item table is codes: lookups add up codewords, scores add up scores of
codewords."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ..schema import FloatArray
from ..tflite.edit import (
    add_tensor,
    constant,
    each_operator,
    in_numbers,
    operator,
    packed,
    parse,
    rewrite,
    store,
    table_buffer,
)
from .codes import CODEWORDS, LARGEST, Codes

_KIND, _TYPE = schema.BuiltinOperator, schema.TensorType


def with_codes(content: bytes, codes: Codes) -> bytes:
    """The same model with `codes` in the place of its int8 item table.

    Two bytes of an item are one index, into the scores of the centroids or into the 65,536 sums of
    two codebooks' scores, so that M bytes cost M / 2 GATHERs over the catalogue. They are stored
    once, and read as one number of 16 bits for scores, as two of 8 for lookups, of whose bytes the
    lower is the first, as .tflite has it.
    """
    model = parse(content)
    table = table_buffer(model)
    for graph in model.subgraphs:
        _Edit(model, graph, table, codes).run()
    return rewrite(model, len(content))


class _Edit:
    """The exchange in one signature's graph; tensors are named by their places in it."""

    def __init__(self, model: Any, graph: Any, table: int, codes: Codes) -> None:
        self.model, self.graph, self.table = model, graph, table
        self.pairs = len(codes.codebooks) // 2
        self.rows, self.dim = len(codes.codes), codes.codebooks.shape[-1]
        self.codes = codes
        self.new: list[Any] = []
        self.stored: dict[str, int] = {}

    def run(self) -> None:
        """Exchange every operator that reads the table, and leave the others."""
        for kind, found in list(each_operator(self.model, self.graph)):
            if len(found.inputs) < 2 or self.graph.tensors[found.inputs[1]].buffer != self.table:
                self.new.append(found)
            elif kind == _KIND.EMBEDDING_LOOKUP:
                self._look_up(int(found.inputs[0]), int(found.outputs[0]))
            else:
                self._score(found)
        for tensor in self.graph.tensors:
            if tensor.buffer == self.table:
                tensor.buffer, tensor.quantization = 0, None
        self.graph.operators = self.new

    def _look_up(self, ids: int, result: int) -> None:
        """ids (n,) -> rows (n, D): the centroids and the codewords that the codes name, added
        up."""
        count = int(self.graph.tensors[ids].shape[0])
        columns = []
        for column in range(self.pairs + 1):
            found = self._op(
                "GATHER", [self._column(column, _TYPE.UINT8), ids], (count, 2), "uint8"
            )
            columns.append(self._op("CAST", [found], (count, 2), "int32"))
        axis = self._constant("axis", np.asarray([1], np.int32))
        places = self._constant("places", np.asarray([1, CODEWORDS], np.int32))
        parts = self._op("MUL", [columns[0], places], (count, 2), "int32")
        centroids = self._op("SUM", [parts, axis], (count,), "int32")
        coded = self._op("EMBEDDING_LOOKUP", [centroids, self._centroids()], (count, self.dim))
        codes = columns[1]
        if self.pairs > 1:
            codes = self._op("CONCATENATION", columns[1:], (count, 2 * self.pairs), "int32", axis=1)
        begins = self._constant("begins", np.arange(2 * self.pairs, dtype=np.int32) * CODEWORDS)
        places = self._op("ADD", [codes, begins], (count, 2 * self.pairs), "int32")
        flat = self._reshape(places, (count * 2 * self.pairs,), "int32")
        shape = (count * 2 * self.pairs, self.dim)
        codewords = self._op("EMBEDDING_LOOKUP", [flat, self._codebooks()], shape)
        codewords = self._reshape(codewords, (count, 2 * self.pairs, self.dim))
        codewords = self._op("SUM", [codewords, axis], (count, self.dim))
        coded = self._op("ADD", [coded, codewords], (count, self.dim))
        # Behind the popular items' own rows is one of zeros, which is that of all others.
        last = self._constant("last", np.asarray([len(self.codes.head)], np.int32))
        places = self._op("MINIMUM", [ids, last], (count,), "int32")
        own = self._op("EMBEDDING_LOOKUP", [places, self._head()], (count, self.dim))
        self._op("ADD", [coded, own], result)

    def _score(self, product: Any) -> None:
        """user (1, D) -> scores (1, V + 1), where a FULLY_CONNECTED with the table was."""
        (result,) = map(int, product.outputs)
        scores = self._product(product, self._codebooks())
        own = self._product(product, self._head())
        centroids = self._product(product, self._centroids())
        total = self._spread(self._reshape(centroids, (len(self.codes.centroids),)), 0)
        for pair in range(self.pairs):
            low, high = (
                self._op("SLICE", [scores, *self._stretch(2 * pair + one)], (1, CODEWORDS))
                for one in (0, 1)
            )
            sums = self._op(
                "ADD", [self._reshape(high, (CODEWORDS, 1)), low], (CODEWORDS, CODEWORDS)
            )
            found = self._spread(self._reshape(sums, (CODEWORDS * CODEWORDS,)), pair + 1)
            total = self._op("ADD", [total, found], (self.rows,))
        others = self.rows - len(self.codes.head) - 1
        margins = self._constant("others", np.asarray([[0, 0], [0, others]], np.int32))
        padded = self._op("PAD", [own, margins], (1, self.rows))
        self._op("ADD", [self._reshape(total, (1, self.rows)), padded], result)

    def _spread(self, scores: int, column: int) -> int:
        """Scores (n,) of what the numbers of a column name -> scores of all items (V + 1,)."""
        stored = self._column(column, _TYPE.UINT16)
        codes = self._op("CAST", [stored], (self.rows,), "int32")
        return self._op("GATHER", [scores, codes], (self.rows,))

    def _product(self, product: Any, weights: int) -> int:
        """What a FULLY_CONNECTED gives, with other weights: (1, their rows)."""
        output = self._tensor((1, int(self.graph.tensors[weights].shape[0])))
        made = copy(product)
        made.inputs = np.asarray([product.inputs[0], weights, -1], np.int32)
        made.outputs = np.asarray([output], np.int32)
        self.new.append(made)
        return output

    def _op(
        self,
        name: str,
        inputs: list[int],
        result: int | tuple[int, ...],
        dtype: str = "float32",
        **settings: Any,
    ) -> int:
        """Append an operator; its output, a tensor that is there or a new one of a shape."""
        output = result if isinstance(result, int) else self._tensor(result, dtype)
        made = operator(self.model, getattr(_KIND, name), inputs, [output], _OPTIONS[name])
        for setting, value in settings.items():
            setattr(made.builtinOptions, setting, value)
        self.new.append(made)
        return output

    def _reshape(self, tensor: int, shape: tuple[int, ...], dtype: str = "float32") -> int:
        wanted = self._constant(f"shape {shape}", np.asarray(shape, np.int32))
        return self._op("RESHAPE", [tensor, wanted], shape, dtype)

    def _tensor(self, shape: tuple[int, ...], dtype: str = "float32") -> int:
        """A tensor that some operator will fill."""
        made = schema.TensorT()
        made.name = f"coded {len(self.graph.tensors)}".encode()
        made.shape, made.type = np.asarray(shape, np.int32), getattr(_TYPE, dtype.upper())
        made.buffer, made.hasRank = 0, True
        return add_tensor(self.graph, made)

    def _constant(self, name: str, values: npt.NDArray[np.int32]) -> int:
        if name not in self.stored:
            self.stored[name] = add_tensor(self.graph, constant(self.model, values))
        return self.stored[name]

    def _stretch(self, codebook: int) -> tuple[int, int]:
        """Begin and size of a codebook's scores among those of all."""
        begin = self._constant(f"begin {codebook}", np.asarray([0, codebook * CODEWORDS], np.int32))
        return begin, self._constant("size", np.asarray([1, CODEWORDS], np.int32))

    def _column(self, column: int, dtype: int) -> int:
        """Two bytes of every item: (V + 1,) numbers of 16 bits, or (V + 1, 2) of 8."""
        name = f"codes {column} as {dtype}"
        if name not in self.stored:
            shape = (self.rows, 2) if dtype == _TYPE.UINT8 else (self.rows,)
            place = self._tensor(shape, "uint8" if dtype == _TYPE.UINT8 else "uint16")
            columns = self.codes.codes[:, 2 * column : 2 * column + 2]
            store(self.model, self.graph.tensors[place], columns.tobytes())
            self.stored[name] = place
        return self.stored[name]

    def _centroids(self) -> int:
        """(W, D), in 4 bits; no row may begin in the middle of a byte."""
        largest = LARGEST if self.dim % 2 == 0 else 127
        return self._rows("centroids", self.codes.centroids, largest)

    def _codebooks(self) -> int:
        """All codebooks' codewords, one under the other: (M * CODEWORDS, D)."""
        codewords = self.codes.codebooks.reshape(-1, self.dim)
        if (
            len(codewords) == self.rows
        ):  # no other weights are of the table's shape, by which it is known
            codewords = np.pad(codewords, ((0, 1), (0, 0)))
        return self._rows("codebooks", codewords)

    def _head(self) -> int:
        """The popular items' rows, and one of zeros: (H + 1, D)."""
        return self._rows("head", np.pad(self.codes.head, ((0, 1), (0, 0))))

    def _rows(self, name: str, rows: FloatArray, largest: int = 127) -> int:
        """Weights in int8, or in int4 where 7 is the largest, with a scale for each row."""
        if name not in self.stored:
            numbers, scale = in_numbers(rows, largest)
            is_small = largest == LARGEST
            place = self._tensor(rows.shape, "int4" if is_small else "int8")
            tensor = self.graph.tensors[place]
            store(self.model, tensor, (packed(numbers) if is_small else numbers).tobytes())
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scale
            tensor.quantization.zeroPoint = np.zeros(len(scale), np.int64)
            tensor.quantization.quantizedDimension = 0
            self.stored[name] = place
        return self.stored[name]


_OPTIONS = {
    "ADD": "AddOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "EMBEDDING_LOOKUP": None,
    "GATHER": "GatherOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "SLICE": "SliceOptions",
    "SUM": "ReducerOptions",
}
