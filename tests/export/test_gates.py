"""No bundle without its gates: what fails is named, and nothing of it is left."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema

from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.folder import Item, open_bundle, write_bundle
from pocketrec.bundle.manifest import KIND
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.config.sections import Config
from pocketrec.conversion.codes import fit_codes
from pocketrec.conversion.quantize import quantize
from pocketrec.errors import BundleError, QualityError
from pocketrec.export import build
from pocketrec.export.verify import Gate
from pocketrec.models.recommender import RecommenderModel
from pocketrec.preparation.targets import Targets
from pocketrec.schema import Column
from pocketrec.storage.draft import Draft, new_folder
from pocketrec.tflite.inspect import inspect
from pocketrec.tflite.serialize import parse, serialize
from pocketrec.tflite.shrink import shrink
from support.small_models import ENCODERS, ROUND, C, D, K, L, N, V, make, successor, walk

CATALOGUE = pl.DataFrame(
    {
        Column.INDEX: range(1, V + 1),
        Column.ITEM: [f"item {n}" for n in range(1, V + 1)],
        Column.COUNT: [1] * V,
        Column.TITLE: [None] * V,
    },
    schema_overrides={Column.TITLE: pl.String},
)
TARGETS = Targets(
    [walk(last, 3) for last in range(1, V + 1)],
    np.array([successor(last) for last in range(1, V + 1)], np.int32),
)


def config(**export):
    sizes = {"results": K, "candidates": C, "blocked": N}
    return Config.parse(
        {
            "data": {"path": "x.csv"},
            "model": {"encoder": "bow", "dim": D, "max_length": L},
            "export": sizes | export,
        },
        name="test",
    )


def patched(content: bytes, change) -> bytes:
    """A file with something changed by `change(model)`."""
    model = parse(content)
    change(model)
    return serialize(model, len(content))


def with_swapped_items(content: bytes, *pairs) -> bytes:
    """A file whose table has rows in each other's places."""
    buffers = {c.buffer for c in inspect(content).constants if c.shape == (V + 1, D)}

    def swap(model):
        for buffer in buffers:
            table = model.buffers[buffer].data.reshape(V + 1, -1).copy()
            for a, b in pairs:
                table[[a, b]] = table[[b, a]]
            model.buffers[buffer].data = table.ravel()

    return patched(content, swap)


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Export the small bag of words; `spoil` changes what the quantizer gives."""
    made = make("bow")
    monkeypatch.setattr(build, "convert", lambda *_, **__: made.full)

    def run(settings, spoil=lambda content: content, **options):
        monkeypatch.setattr(build, "quantize", lambda *arguments: spoil(quantize(*arguments)))
        out = tmp_path / "bundle"
        with new_folder(out, KIND) as draft:
            return build.export_bundle(
                made.model, CATALOGUE, TARGETS, settings, {}, draft, **options
            )

    return run


def test_what_passes_is_written_with_its_figures(export, tmp_path):
    verdict = export(config())
    bundle = open_bundle(tmp_path / "bundle")
    quality = bundle.manifest["quality"]
    assert all(gate["passed"] for gate in quality["gates"].values())
    assert quality["accepted_quality_loss"] is False
    assert quality["measured"]["bytes"] == len(bundle.model)
    assert verdict.measured["ndcg@10"] == pytest.approx(1)
    assert bundle.manifest["golden"][0]["history"] == []
    assert len(bundle.manifest["golden"]) >= 3
    assert "difference of step to recommend" in quality["gates"]


def test_a_loss_of_quality_is_named_and_nothing_written(export, tmp_path):
    with pytest.raises(QualityError, match=r"loss of ndcg@10 .* is 0\.\d+, .* at most 0\.01"):
        export(config(min_overlap=0.1), lambda content: with_swapped_items(content, (3, 20)))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_the_older_bundle(export, tmp_path):
    export(config())
    before = (tmp_path / "bundle/manifest.json").read_bytes()
    with pytest.raises(QualityError):
        export(config(), lambda content: with_swapped_items(content, (3, 20)))
    assert (tmp_path / "bundle/manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_accepting_the_loss_is_told_in_the_manifest(export, tmp_path):
    export(
        config(min_overlap=0.1),
        lambda content: with_swapped_items(content, (3, 20)),
        accept_quality_loss=True,
    )
    quality = json.loads((tmp_path / "bundle/manifest.json").read_text())["quality"]
    assert quality["accepted_quality_loss"] is True
    failed = [name for name, gate in quality["gates"].items() if not gate["passed"]]
    assert failed == ["relative loss of ndcg@10 to float"]


def test_accepting_what_needs_no_acceptance_is_not_told(export, tmp_path):
    export(config(), accept_quality_loss=True)
    quality = json.loads((tmp_path / "bundle/manifest.json").read_text())["quality"]
    assert quality["accepted_quality_loss"] is False


def test_accepting_the_loss_excuses_no_other_gate(export, tmp_path):
    pairs = [(n, n + 1) for n in range(1, V, 2)]
    with pytest.raises(QualityError, match=r"overlap of the top 10 .* at least 0\.95"):
        export(config(), lambda c: with_swapped_items(c, *pairs), accept_quality_loss=True)
    with pytest.raises(QualityError, match="bits of an item table's number is 32"):
        export(config(), lambda _: make("bow").full, accept_quality_loss=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_the_model_fails_parity(export, monkeypatch):
    spoiled = with_swapped_items(make("bow").full, (3, 20))
    monkeypatch.setattr(build, "convert", lambda *_, **__: spoiled)
    with pytest.raises(QualityError, match="parity"):
        export(config(), accept_quality_loss=True)


def test_a_step_that_gives_other_lists_than_recommend_fails(export, monkeypatch):
    def forget(model):
        """Let the state be taken from the event, and not the event from the state."""
        (step,) = (s for s in model.signatureDefs if s.signatureKey == b"step")
        graph = model.subgraphs[step.subgraphIndex]
        minus = schema.BuiltinOperator.SUB
        first = next(o for o in graph.operators if kinds[o.opcodeIndex] == minus)
        first.inputs = first.inputs[::-1]

    full = make("bow").full
    kinds = [code.builtinCode for code in parse(full).operatorCodes]
    spoiled = patched(full, forget)
    monkeypatch.setattr(build, "convert", lambda *_, **__: spoiled)
    with pytest.raises(QualityError, match="difference of step to recommend"):
        export(config(), accept_quality_loss=True)


def test_a_graph_that_shows_hidden_items_fails(export, monkeypatch):
    open_graph = make("bow", exclude_seen=False).full
    monkeypatch.setattr(build, "convert", lambda *_, **__: open_graph)
    with pytest.raises(QualityError, match=r"hidden items recommended is [1-9]"):
        export(config())


def test_codes_in_the_place_of_the_table_are_written_with_their_figures(export, tmp_path):
    verdict = export(config(quantization="pq", code_bytes=4), codes=make("bow").codes)
    gates = {gate.name: gate for gate in verdict.gates}
    assert gates["item tables in the file"].value == 1
    assert gates["bits of an item table's number"].value == 4 * 8 / D
    assert gates["relative loss of ndcg@10 to float"].limit == 0.02
    assert open_bundle(tmp_path / "bundle").manifest["quantization"] == "pq"


def test_more_codes_than_asked_for_or_a_table_beside_them_fail(export):
    more = fit_codes(make("bow").model, ROUND, ROUND.counts(V), 6)
    with pytest.raises(QualityError, match=r"bits of an item table's number is 3, .* at most 2"):
        export(config(quantization="pq", code_bytes=4), codes=more)
    with pytest.raises(QualityError, match="bits of an item table's number is 8"):
        export(config(quantization="pq", code_bytes=4))


def test_a_gate_without_a_number_does_not_pass():
    assert not Gate("x", float("nan"), 1).passed
    assert not Gate("x", float("nan"), 0, least=True).passed
    assert Gate("x", 1, 1).passed
    assert Gate("x", 1, 1, least=True).passed
    assert not Gate("x", 1.01, 1).passed
    assert not Gate("x", 0.99, 1, least=True).passed


def test_weights_that_chance_to_have_the_tables_shape_are_no_second_table(tmp_path):
    torch.manual_seed(1)
    settings = ModelConfig(encoder="bow", dim=4, max_length=2, item_dropout=0, dropout=0)
    model = RecommenderModel(15, settings)  # 16 x 4, as is the hidden layer's weight
    one = Targets([np.array([1], np.int32)], np.array([2], np.int32))
    untrained = config(max_ndcg_loss=0.99, min_overlap=0.01)
    draft = Draft(tmp_path)
    verdict = build.export_bundle(model, CATALOGUE[:15], one, untrained, {}, draft)
    gates = {gate.name: gate for gate in verdict.gates}
    assert gates["item tables in the file"].value == 2
    assert gates["bits of an item table's number"].value == 8


def use_operator(builtin: int, custom: bytes | None = None):
    """Turn the GELU of a file into another operator."""

    def change(model):
        (code,) = (c for c in model.operatorCodes if c.builtinCode == schema.BuiltinOperator.GELU)
        code.builtinCode = builtin
        code.deprecatedBuiltinCode = min(builtin, 127)
        code.customCode = custom

    return change


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (use_operator(schema.BuiltinOperator.SIN), "SIN"),
        (use_operator(schema.BuiltinOperator.CUMSUM), "CUMSUM"),
        (use_operator(schema.BuiltinOperator.CUSTOM, b"FlexErf"), "CUSTOM:FlexErf"),
        (use_operator(250), "#250"),
    ],
)
def test_an_operator_off_the_whitelist_is_refused(export, tmp_path, change, name):
    with pytest.raises(BundleError, match=f"not allowed: {name}"):
        export(config(), lambda content: patched(shrink(content), change))
    assert list(tmp_path.iterdir()) == []
    made = make("bow")
    items = [Item(n, None, {}) for n in range(V)]
    with pytest.raises(BundleError, match=name):
        write_bundle(Draft(tmp_path), patched(made.content("int8"), change), items, made.spec, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoder", ENCODERS)
def test_fewer_bits_make_smaller_files(encoder):
    made = make(encoder)
    sizes = [len(made.content(kind)) for kind in ("float32", "int8", "int4")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
    (table,) = {c for c in inspect(made.content("int4")).constants if c.shape == (V + 1, D)}
    assert table.dtype == "int4"


@pytest.mark.parametrize("kind", ["float32", "int8", "int4"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_shrinking_changes_no_bit_of_the_output(encoder, kind):
    made = make(encoder)
    large = quantize(made.full, kind)
    small = shrink(large)
    assert len(small) < len(large)
    before, after = (DeviceModel(content, made.spec) for content in (large, small))
    everything = np.arange(1, V + 1, dtype=np.int32)
    for history in (walk(last, length) for last in (1, 9, V) for length in (0, 1, L, 2 * L)):
        query = Query(history)
        for one, other in zip(
            before.recommend(query, k=K), after.recommend(query, k=K), strict=True
        ):
            assert np.array_equal(one, other)
        assert np.array_equal(before.score(query, everything), after.score(query, everything))


@pytest.mark.parametrize("kind", ["float32", "int8", "int4"])
def test_weights_start_where_kernels_may_read_them_as_vectors(kind):
    content = make("transformer").content(kind)
    model = schema.Model.GetRootAs(content, 0)
    starts = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        assert buffer.Size() == 0  # nothing lies behind the flatbuffer
        if buffer.DataLength():
            starts.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(starts) > 10
    assert {start % 16 for start in starts} == {0}


def test_equal_weights_are_stored_once():
    content = make("transformer").content("int8")
    model = parse(content)
    stored = [bytes(b.data) for b in model.buffers if b.data is not None and len(b.data)]
    assert len(stored) == len(set(stored))
