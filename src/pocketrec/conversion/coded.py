"""Replace the item table of a .tflite with codes: lookups add codewords, scoring their scores."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..tflite.editor import GraphEditor
from ..tflite.parsed import table_buffer
from ..tflite.serialize import parse, serialize
from .codes import CODEWORDS, Codes


def with_codes(content: bytes, codes: Codes) -> bytes:
    """The same model with `codes` in place of its int8 item table.

    Codes are stored once and read in pairs. Scoring reads a pair as one uint16: an index into the
    centroids' scores, or into the 65,536 sums of two codebooks' scores. So M bytes an item cost
    M / 2 GATHERs over the catalogue. A lookup reads the same pair as two uint8, the lower byte
    first, because a .tflite is little-endian.
    """
    model = parse(content)
    table = table_buffer(model)
    for graph in model.subgraphs:
        _CodedGraph(GraphEditor(model, graph), codes).replace(table)
    return serialize(model, len(content))


class _CodedGraph:
    """One signature's graph, and the codes that replace its table.

    In shapes, n counts ids, W centroids, P pairs of codebooks and H rows of the head.
    """

    def __init__(self, editor: GraphEditor, codes: Codes) -> None:
        self.editor, self.codes = editor, codes
        self.pairs = len(codes.codebooks) // 2
        self.rows, self.dim = len(codes.codes), codes.codebooks.shape[-1]

    def replace(self, table: int) -> None:
        """Replace every operator that reads the table's buffer, then drop the table."""
        tables = {*self.editor.of_buffer(table)}
        for name, operator in self.editor.walk():
            if tables.isdisjoint(operator.inputs[1:2]):
                self.editor.keep(operator)
            elif name == "EMBEDDING_LOOKUP":
                self._look_up(int(operator.inputs[0]), int(operator.outputs[0]))
            else:
                self._score(operator)
        self.editor.discard_unread()

    def _look_up(self, ids: int, result: int) -> None:
        """Ids (n,) -> rows (n, D): the sum of each item's centroid, codewords and head row."""
        op, (count,) = self.editor.op, self.editor.shape(ids)
        pairs = []
        for column in range(self.pairs + 1):
            pair = op("GATHER", [self._column(column, "uint8"), ids], (count, 2), "uint8")
            pairs.append(op("CAST", [pair], (count, 2), "int32"))
        rows = [self._centroids_of(pairs[0], count), self._codewords_of(pairs[1:], count)]
        coded = op("ADD", rows, (count, self.dim))
        # Items without a head row read the row of zeros that follows the last one.
        last = self._integers("last", len(self.codes.head))
        places = op("MINIMUM", [ids, last], (count,), "int32")
        head_rows = op("EMBEDDING_LOOKUP", [places, self._head], (count, self.dim))
        op("ADD", [coded, head_rows], result)

    def _centroids_of(self, pair: int, count: int) -> int:
        """Bytes (n, 2) of centroid indices, lower byte first -> centroids (n, D)."""
        op, axis = self.editor.op, self._integers("axis", 1)
        parts = op("MUL", [pair, self._integers("places", 1, CODEWORDS)], (count, 2), "int32")
        numbers = op("SUM", [parts, axis], (count,), "int32")
        return op("EMBEDDING_LOOKUP", [numbers, self._centroids], (count, self.dim))

    def _codewords_of(self, pairs: list[int], count: int) -> int:
        """P pairs (n, 2) of codeword indices -> the sum (n, D) of the 2 P codewords."""
        op, width = self.editor.op, 2 * self.pairs
        codes = pairs[0]
        if self.pairs > 1:
            codes = op("CONCATENATION", pairs, (count, width), "int32", axis=1)
        # All codebooks are one table, so a codebook's indices start after the ones before it.
        begins = self._integers("begins", *range(0, width * CODEWORDS, CODEWORDS))
        places = op("ADD", [codes, begins], (count, width), "int32")
        flat = self.editor.reshape(places, (count * width,))
        codewords = op("EMBEDDING_LOOKUP", [flat, self._codebooks], (count * width, self.dim))
        codewords = self.editor.reshape(codewords, (count, width, self.dim))
        return op("SUM", [codewords, self._integers("axis", 1)], (count, self.dim))

    def _score(self, product: Any) -> None:
        """User (1, D) -> scores (1, V + 1), replacing a FULLY_CONNECTED with the table."""
        op, reshape = self.editor.op, self.editor.reshape
        scores = self._product(product, self._codebooks)
        head = self._product(product, self._head)
        centroids = self._product(product, self._centroids)
        total = self._spread(reshape(centroids, (len(self.codes.centroids),)), 0)
        for pair in range(self.pairs):
            low, high = (self._scores_of(scores, 2 * pair + half) for half in (0, 1))
            # Every high code plus every low code: a uint16 is then an index into the sums.
            high = reshape(high, (CODEWORDS, 1))
            sums = reshape(op("ADD", [high, low], (CODEWORDS, CODEWORDS)), (CODEWORDS**2,))
            total = op("ADD", [total, self._spread(sums, pair + 1)], (self.rows,))
        # The head's scores are those of the first items; pad them with zeros for all others.
        others = self.rows - len(self.codes.head) - 1
        margins = self.editor.constant("margins", np.asarray([[0, 0], [0, others]], np.int32))
        padded = op("PAD", [head, margins], (1, self.rows))
        (result,) = map(int, product.outputs)
        op("ADD", [reshape(total, (1, self.rows)), padded], result)

    def _product(self, product: Any, weights: int) -> int:
        """The FULLY_CONNECTED `product` with other weights (n, D) -> (1, n)."""
        inputs = [product.inputs[0], weights, -1]  # -1: no bias
        return self.editor.repeat(product, inputs, (1, self.editor.shape(weights)[0]))

    def _scores_of(self, scores: int, codebook: int) -> int:
        """The scores (1, CODEWORDS) of one codebook's codewords, out of those of all."""
        begin = self._integers(f"begin {codebook}", 0, codebook * CODEWORDS)
        size = self._integers("size", 1, CODEWORDS)
        return self.editor.op("SLICE", [scores, begin, size], (1, CODEWORDS))

    def _spread(self, scores: int, column: int) -> int:
        """Scores (n,) of every value of a pair of codes -> scores (V + 1,) of items."""
        stored = self._column(column, "uint16")
        codes = self.editor.op("CAST", [stored], (self.rows,), "int32")
        return self.editor.op("GATHER", [scores, codes], (self.rows,))

    def _column(self, column: int, dtype: str) -> int:
        """One pair of codes of every item: (V + 1,) "uint16" or (V + 1, 2) "uint8"."""
        codes = np.ascontiguousarray(self.codes.codes[:, 2 * column : 2 * column + 2])
        values = codes if dtype == "uint8" else codes.view("<u2")[:, 0]
        return self.editor.constant(f"codes {column}", values)

    def _integers(self, name: str, *values: int) -> int:
        return self.editor.constant(name, np.asarray(values, np.int32))

    @cached_property
    def _centroids(self) -> int:
        """Centroids (W, D), in 8 bits if D is odd: a row of 4-bit numbers must fill whole bytes."""
        dtype = "int4" if self.dim % 2 == 0 else "int8"
        return self.editor.weights("centroids", self.codes.centroids, dtype)

    @cached_property
    def _codebooks(self) -> int:
        """The codewords of all codebooks in one table: (2 * P * CODEWORDS, D)."""
        codewords = self.codes.codebooks.reshape(-1, self.dim)
        # Checks find item tables by their shape, so no other weights may have it.
        if len(codewords) == self.rows:
            codewords = np.pad(codewords, ((0, 1), (0, 0)))
        return self.editor.weights("codebooks", codewords, "int8")

    @cached_property
    def _head(self) -> int:
        """The rows of the most popular items, and a row of zeros: (H + 1, D)."""
        return self.editor.weights("head", np.pad(self.codes.head, ((0, 1), (0, 0))), "int8")
