"""A model that somebody spoiled, and whose hashes were made to fit, crashes no process of ours."""

import json
import random
import signal
import subprocess
import sys
from contextlib import contextmanager

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from pocketrec.bundle import trial
from pocketrec.bundle.folder import open_bundle
from pocketrec.bundle.golden import make_golden
from pocketrec.bundle.query import Query
from pocketrec.bundle.trial import remember, try_out
from pocketrec.errors import BundleError
from pocketrec.runtime import Recommender
from pocketrec.tflite.inspect import inspect
from pocketrec.tflite.serialize import parse, serialize
from support import SUPPORT
from support.small_models import ENCODERS, make
from support.tally import FACTOR, tried

COUNT = 200
GOOD = {
    "refused unloaded",
    "refused by the runtime or its answers",
    "crashed a fork, refused by the trial",
    "answers in form",
}


@pytest.mark.parametrize("name", ["shop", "fresh_shop"])
def test_spoiled_models_are_answered(name, request):
    bundle = request.getfixturevalue(name).bundle
    seed = 1 if FACTOR == 1 else random.randrange(10**6)
    script = SUPPORT / "spoiled_models.py"
    words = [sys.executable, script, bundle, str(COUNT * FACTOR), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.rpartition("\n")[2])
    for how, outcomes in results.items():
        assert set(outcomes) <= GOOD, (seed, how, outcomes, done.stdout[-2000:])
        tried("models spoiled", how, sum(outcomes.values()))
        for outcome, count in outcomes.items():
            tried("spoiled models' ends", outcome, count)
    assert results["cut short"].keys() == {"refused unloaded"}
    assert results["changed graphs"].keys() >= GOOD - {"crashed a fork, refused by the trial"}


def crashing(content):
    """A model of text: the runtime copies numbers as if they were a text's places, and crashes."""
    model = parse(content)
    (code,) = (
        n
        for n, code in enumerate(model.operatorCodes)
        if code.builtinCode == schema.BuiltinOperator.SOFTMAX
    )
    graph = next(g for g in model.subgraphs if any(o.opcodeIndex == code for o in g.operators))
    for operator in graph.operators:
        if operator.opcodeIndex == code:
            graph.tensors[operator.outputs[0]].type = schema.TensorType.STRING
    return serialize(model, len(content))


@pytest.fixture
def untried(monkeypatch, tmp_path):
    """Nothing is remembered."""
    monkeypatch.setattr(trial, "_passed", set())
    monkeypatch.setenv("POCKETREC_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("untried")
def test_what_crashes_does_so_in_a_child_only(shop):
    bundle = open_bundle(shop.bundle)
    with pytest.raises(BundleError, match=r"crashes the runtime \(SIG"):
        try_out(crashing(bundle.model), bundle.manifest)


@pytest.mark.usefixtures("untried")
def test_an_app_that_does_not_wait_for_children_is_told_too(shop):
    """The system then says of each child that it ended with 0."""
    bundle = open_bundle(shop.bundle)
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(BundleError, match="cannot be run"):
            try_out(crashing(bundle.model), bundle.manifest)
        try_out(bundle.model, bundle.manifest)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_small_file_of_endless_parts_is_refused_soon(shop):
    """References may repeat: thousands of graphs that are all the same one, and cost no more."""
    model = parse(open_bundle(shop.bundle).model)
    graph, calls = model.subgraphs[0], []
    for count in (500, 2000):
        model.subgraphs = [_Shared(graph)] * count
        content = rewrite_shared(model)
        calls.append(0)
        with pytest.raises(BundleError, match="parts"), counting(calls):
            inspect(content, most_parts=50_000)
    assert calls[1] < 1.1 * calls[0]


@contextmanager
def counting(calls):
    """Add the number of Python's calls to the last of `calls`."""

    def count(_, event, __):
        calls[-1] += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


class _Shared:
    """Packs a table once, however often it is referred to."""

    def __init__(self, table):
        self.table, self.place = table, None

    def Pack(self, builder):  # noqa: N802 (flatbuffers' name)
        self.place = self.place or self.table.Pack(builder)
        return self.place


def rewrite_shared(model):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.usefixtures("untried")
def test_a_model_is_tried_once(shop, monkeypatch, tmp_path):
    runs = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: runs.append(a) or real(*a, **k))
    first = Recommender.load(shop.bundle).recommend([])
    assert len(runs) == 1
    assert Recommender.load(shop.bundle).recommend([]) == first
    monkeypatch.setattr(trial, "_passed", set())  # another process
    Recommender.load(shop.bundle)
    assert len(runs) == 1
    assert [len(list(folder.iterdir())) for folder in (tmp_path / "cache").iterdir()] == [1]


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_extremes_that_a_model_is_tried_with_are_answered(encoder):
    made = make(encoder)
    manifest = {
        "shapes": made.spec.shapes.to_json(),
        "features": [],
        "exclude_seen": True,
        "quantization": "int8",
        "golden": make_golden(made.device("int8"), [[], [3, 1, 4]]),
    }
    try_out(made.content("int8"), manifest)
    if made.spec.shapes.state:  # a state is asked for as the manifest says
        wrong = made.spec.shapes.to_json() | {"state": made.spec.shapes.state + 1}
        with pytest.raises(BundleError, match="cannot load"):
            try_out(made.content("int8"), manifest | {"shapes": wrong})


@pytest.mark.usefixtures("untried")
def test_what_is_remembered_is_a_model_with_how_it_is_run(shop):
    bundle = open_bundle(shop.bundle)
    spoiled = crashing(bundle.model)
    remember(bundle.model, bundle.manifest)
    with pytest.raises(BundleError):
        try_out(spoiled, bundle.manifest)
    try_out(bundle.model, bundle.manifest)
    wrong = bundle.manifest | {
        "golden": [v | {"scores": [9.0] * 10} for v in bundle.manifest["golden"]]
    }
    with pytest.raises(BundleError, match="golden"):
        try_out(bundle.model, wrong)


@pytest.mark.usefixtures("untried")
def test_where_nothing_can_be_kept_a_model_is_tried_all_the_same(shop, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POCKETREC_CACHE", str(tmp_path / "file"))
    assert Recommender.load(shop.bundle).recommend([])


@pytest.mark.usefixtures("untried")
def test_a_trial_does_not_import_what_lies_in_the_current_folder(shop, monkeypatch, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('foreign code was run')")
    monkeypatch.chdir(tmp_path)
    assert Recommender.load(shop.bundle).recommend([])
    assert list((tmp_path / "cache").rglob("*"))


@pytest.mark.usefixtures("untried")
def test_a_trial_that_does_not_end_is_ended(shop):
    bundle = open_bundle(shop.bundle)
    with pytest.raises(BundleError, match="trial run took more than"):
        try_out(bundle.model, bundle.manifest, seconds=0.001)


def test_a_model_that_shows_what_is_blocked_is_found_out(shop):
    """Of a shop where nothing is hidden by the graph but what the app blocks: a graph that lies."""
    recommender = Recommender.load(shop.bundle)
    honest = recommender._device.recommend
    recommender._device.recommend = lambda query, k: honest(Query(query.history), k=k)
    first = recommender.recommend([], k=1)[0]
    with pytest.raises(BundleError, match="blocked"):
        recommender.recommend([], k=1, blocked=[first.id])
