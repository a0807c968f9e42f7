"""Graphs that the editor builds and changes compute, in the runtime, what numpy computes."""

from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pocketrec.bundle.quiet import without_info_lines
from pocketrec.tflite.editor import OPTIONS, GraphEditor
from pocketrec.tflite.packing import LARGEST
from pocketrec.tflite.serialize import parse, serialize

X = np.array([[1, -2, 3], [4, 5, -6]], np.float32)
IDS = np.array([2, 0, 1], np.int32)
ROWS = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)


def graph_of(**inputs):
    """An editor of a graph without operators, and its inputs, by name, as tensors' indices."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.operatorCodes, model.buffers = 3, [], [schema.BufferT()]
    model.subgraphs, graph.tensors, graph.operators = [graph], [], []
    editor = GraphEditor(model, graph)
    places = {n: editor.add_tensor(v.shape, v.dtype.name, n) for n, v in inputs.items()}
    graph.inputs, graph.outputs = np.asarray([*places.values()], np.int32), np.asarray([], np.int32)
    return editor, SimpleNamespace(**places)


def run(editor, output, *values):
    """What the runtime computes for a tensor of the edited graph, from the inputs in order."""
    editor.graph.outputs = np.asarray([output], np.int32)
    content = serialize(editor.model, 1024)
    with without_info_lines():
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
    for details, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(details["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def integers(editor, *values):
    return editor.constant("integers", np.asarray(values, np.int32))


def added(e, at):
    return e.op("ADD", [at.x, e.constant("one", np.ones((1, 3), np.float32))], (2, 3))


def joined(e, at):
    return e.op("CONCATENATION", [at.x, at.x], (2, 6), axis=1)


def looked_up(e, at):
    return e.op("EMBEDDING_LOOKUP", [at.ids, e.constant("rows", ROWS)], (3, 6))


def padded(e, at):
    margins = e.constant("margins", np.array([[0, 1], [2, 0]], np.int32))
    return e.op("PAD", [at.x, margins], (3, 5))


def scattered(e, at):
    """Equal places are summed."""
    places = e.constant("places", np.array([[1], [1]], np.int32))
    return e.op("SCATTER_ND", [places, at.x, integers(e, 3, 3)], (3, 3))


KNOWN = {
    "ADD": (added, X + 1),
    "CAST": (lambda e, at: e.op("CAST", [at.ids], (3,)), IDS.astype(np.float32)),
    "CONCATENATION": (joined, np.concatenate([X, X], 1)),
    "DIV": (lambda e, at: e.op("DIV", [at.x, at.x], (2, 3)), X / X),
    "EMBEDDING_LOOKUP": (looked_up, ROWS[IDS]),
    "GATHER": (
        lambda e, at: e.op("GATHER", [e.constant("rows", ROWS), at.ids], (3, 6)),
        ROWS[IDS],
    ),
    "MINIMUM": (
        lambda e, at: e.op("MINIMUM", [at.ids, integers(e, 1)], (3,), "int32"),
        np.minimum(IDS, 1),
    ),
    "MUL": (lambda e, at: e.op("MUL", [at.x, at.x], (2, 3)), X * X),
    "PAD": (padded, np.pad(X, ((0, 1), (2, 0)))),
    "RESHAPE": (lambda e, at: e.reshape(at.x, (3, 2)), X.reshape(3, 2)),
    "SCATTER_ND": (scattered, np.stack([0 * X[0], X.sum(0), 0 * X[0]])),
    "SLICE": (
        lambda e, at: e.op("SLICE", [at.x, integers(e, 0, 1), integers(e, 2, 2)], (2, 2)),
        X[:, 1:],
    ),
    "SUM": (
        lambda e, at: e.op("SUM", [at.x, integers(e, 1)], (2, 1), keepDims=True),
        X.sum(1, keepdims=True),
    ),
}


def test_every_operator_has_a_known_answer():
    assert KNOWN.keys() == OPTIONS.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_an_added_operator_computes_what_numpy_does(name):
    build, expected = KNOWN[name]
    editor, inputs = graph_of(x=X, ids=IDS)
    result = build(editor, inputs)
    assert [kind for kind, _ in editor.operators()] == [name]
    dtype, shape = editor.dtype(result), editor.shape(result)
    actual = run(editor, result, X, IDS)
    assert (actual.dtype.name, actual.shape) == (dtype, shape)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", LARGEST)
def test_small_weights_are_looked_up_as_they_are_rounded(dtype):
    editor, inputs = graph_of(ids=IDS)
    weights = editor.weights("rows", ROWS, dtype)
    actual = run(editor, editor.op("EMBEDDING_LOOKUP", [inputs.ids, weights], (3, 6)), IDS)
    step = np.abs(ROWS).max(1, keepdims=True) / LARGEST[dtype]
    np.testing.assert_allclose(actual, (np.rint(ROWS / step) * step)[IDS], rtol=1e-6)


def two_steps():
    """(x + x) * x, where the sum and the product are tensors that tests rewire."""
    editor, inputs = graph_of(x=X)
    total = editor.op("ADD", [inputs.x, inputs.x], (2, 3))
    return editor, inputs.x, total, editor.op("MUL", [total, inputs.x], (2, 3))


def test_a_walk_that_keeps_every_operator_changes_nothing():
    editor, _, _, product = two_steps()
    for _, operator in editor.walk():
        editor.keep(operator)
    np.testing.assert_array_equal(run(editor, product, X), (X + X) * X)


def test_an_operator_is_replaced():
    editor, x, total, product = two_steps()
    for name, operator in editor.walk():
        if name == "ADD":
            editor.op("DIV", [x, x], total)
        else:
            editor.keep(operator)
    assert [name for name, _ in editor.operators()] == ["DIV", "MUL"]
    np.testing.assert_array_equal(run(editor, product, X), X)


def test_an_operator_is_inserted_before_another_that_reads_it():
    editor, x, total, product = two_steps()
    for name, operator in editor.walk():
        if name == "MUL":
            half = editor.constant("half", np.full((1, 1), 0.5, np.float32))
            editor.rewire(operator, inputs=[editor.op("MUL", [total, half], (2, 3)), x])
        editor.keep(operator)
    np.testing.assert_array_equal(run(editor, product, X), X * X)


def test_an_operator_is_inserted_behind_another_in_place_of_its_result():
    editor, _, _, product = two_steps()
    for name, operator in editor.walk():
        editor.keep(operator)
        if name == "MUL":
            inner = editor.add_tensor((2, 3))
            editor.rewire(operator, outputs=[inner])
            editor.op("ADD", [inner, inner], product)
    np.testing.assert_array_equal(run(editor, product, X), 2 * (X + X) * X)


def test_an_operator_is_dropped():
    editor, x, _, product = two_steps()
    for name, operator in editor.walk():
        if name == "MUL":
            editor.keep(editor.rewire(operator, inputs=[x, x]))
    assert [name for name, _ in editor.operators()] == ["MUL"]
    np.testing.assert_array_equal(run(editor, product, X), X * X)


def test_an_operator_is_repeated_with_its_options():
    editor, inputs = graph_of(x=X)
    joined = editor.op("CONCATENATION", [inputs.x, inputs.x], (4, 3), axis=0)
    ((_, operator),) = editor.operators()
    again = editor.repeat(operator, [joined, inputs.x], (6, 3))
    np.testing.assert_array_equal(run(editor, again, X), np.concatenate([X, X, X]))


def test_equal_constants_of_a_name_are_one_tensor():
    editor, _ = graph_of()
    one = integers(editor, 1, 2)
    assert integers(editor, 1, 2) == one
    others = [
        integers(editor, 2, 1),
        editor.constant("integers", np.array([[1, 2]], np.int32)),
        editor.constant("integers", np.array([1, 2], np.int32).view(np.float32)),
        editor.constant("other", np.array([1, 2], np.int32)),
    ]
    assert len({one, *others}) == 5
    assert editor.stored(one) == np.array([1, 2], np.int32).tobytes()


def test_an_operator_is_in_the_models_list_once():
    editor, _, _, product = two_steps()
    editor.op("ADD", [product, product], (2, 3))
    kinds = [code.builtinCode for code in editor.model.operatorCodes]
    assert kinds == [schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL]


def test_tensors_of_one_buffer_get_content_apart():
    editor, _ = graph_of()
    first, second = integers(editor, 1, 2), editor.add_tensor((2,), "int32")
    buffer = editor.tensor(first).buffer
    editor.tensor(second).buffer = buffer
    assert editor.of_buffer(buffer) == [first, second]
    editor.store(second, np.array([3, 4], np.int32).tobytes())
    assert editor.of_buffer(buffer) == [first]
    assert editor.stored(first) == np.array([1, 2], np.int32).tobytes()
    assert editor.stored(second) == np.array([3, 4], np.int32).tobytes()


def test_only_constants_that_nothing_reads_are_emptied():
    editor, inputs = graph_of(ids=IDS)
    read, output = editor.weights("rows", ROWS, "int8"), integers(editor, 1)
    unread = editor.weights("rows", ROWS, "int8")
    editor.op("EMBEDDING_LOOKUP", [inputs.ids, read], (3, 6))
    editor.graph.outputs = np.asarray([output], np.int32)
    editor.discard_unread()
    assert [bool(editor.stored(index)) for index in (read, output, unread)] == [True, True, False]
    assert editor.tensor(unread).quantization is None


def test_a_file_stays_the_same_when_it_is_parsed_and_written_again():
    editor, _, _, product = two_steps()
    editor.graph.outputs = np.asarray([product], np.int32)
    editor.weights("rows", ROWS, "int4")
    content = serialize(editor.model, 1024)
    assert serialize(parse(content), len(content)) == content
    assert serialize(parse(content), 1) == content  # the size is only a guess
