"""A bundle is opened as it was written or not at all, and before its model is loaded."""

import json
import shutil

import numpy as np
import pytest

from pocketrec.bundle import device
from pocketrec.bundle.folder import open_bundle
from pocketrec.bundle.golden import check_golden
from pocketrec.bundle.query import Query
from pocketrec.errors import ArtifactError, BundleError
from pocketrec.runtime import Recommender
from support.small_shop import sign

FILES = ["model.tflite", "items.json", "manifest.json"]


@pytest.fixture
def copy(shop, tmp_path):
    """A copy of the shop's bundle, to be spoiled."""
    return shutil.copytree(shop.bundle, tmp_path / "bundle")


@pytest.fixture
def unloaded(monkeypatch):
    """Fail a test that gets as far as loading a model."""

    def load(**_):
        pytest.fail("the model was loaded")

    monkeypatch.setattr(device, "Interpreter", load)


def test_a_bundle_signed_by_hand_opens(copy):
    sign(copy)
    assert len(Recommender.load(copy).recommend([])) == 10


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("unloaded")
def test_one_changed_byte_is_refused_before_loading(copy, name):
    content = (copy / name).read_bytes()
    for place in np.linspace(0, len(content) - 1, 25).astype(int):
        changed = bytearray(content)
        changed[place] ^= 1
        (copy / name).write_bytes(changed)
        with pytest.raises(ArtifactError):
            Recommender.load(copy)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["shorter", "longer", "gone", "folder"])
@pytest.mark.usefixtures("unloaded")
def test_files_of_another_size_are_refused(copy, name, change):
    path = copy / name
    content = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "gone":
        path.write_bytes(content[:-1] if change == "shorter" else content + b"\n")
    with pytest.raises(ArtifactError):
        Recommender.load(copy)


@pytest.mark.parametrize("name", FILES[:2])
@pytest.mark.usefixtures("unloaded")
def test_a_linked_file_is_refused(copy, shop, name):
    (copy / name).unlink()
    (copy / name).symlink_to(shop.bundle / name)
    with pytest.raises(ArtifactError):
        Recommender.load(copy)


SHAPES = {"length": 16, "dim": 32, "items": 25, "results": 25, "candidates": 25, "blocked": 256}


@pytest.mark.parametrize(
    "changes",
    [
        {"shapes": SHAPES | {"length": 17}},
        {"shapes": SHAPES | {"items": 24}},
        {"shapes": SHAPES | {"results": 0}},
        {"shapes": SHAPES | {"results": True}},
        {"shapes": SHAPES | {"blocked": "256"}},
        {"shapes": SHAPES | {"more": 1}},
        {"shapes": {}},
        {"shapes": None},
        {"shapes": ...},
        {"exclude_seen": 1},
        {"exclude_seen": ...},
        {"operators": ["ADD"]},
        {"operators": ...},
        {"signatures": {}},
        {"signatures": ...},
        {"quantization": "int2"},
        {"quantization": []},
        {"quantization": ...},
        {"golden": ...},
        {"golden": 7},
        {"golden": [7]},
        {"golden": [{"history": [1], "ids": [1]}]},
        {"golden": [{"history": [1], "ids": [1], "scores": []}]},
        {"golden": [{"history": [1], "ids": [1], "scores": [None]}]},
        {"golden": [{"history": [1], "ids": [1], "scores": [[1, 2]]}]},
        {"golden": [{"history": [26], "ids": [1], "scores": [1.0]}]},
        {"golden": [{"history": [1], "ids": ["1"], "scores": [1.0]}]},
        {"golden": [{"history": [1], "ids": [2**40], "scores": [1.0]}]},
    ],
    ids=str,
)
@pytest.mark.usefixtures("unloaded")
def test_a_manifest_that_does_not_fit_is_refused(copy, changes):
    sign(copy, **changes)
    with pytest.raises(BundleError):
        Recommender.load(copy)


def test_the_shapes_of_these_tests_are_the_bundles(shop):
    assert open_bundle(shop.bundle).spec.shapes.to_json() == SHAPES


def entries(folder):
    return json.loads((folder / "items.json").read_text())


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items[:-1],
        lambda items: [*items, items[0] | {"id": "new"}],
        lambda items: [items[0], *items[:-1]],
        lambda items: [items[0] | {"id": ["a"]}, *items[1:]],
        lambda items: [items[0] | {"id": None}, *items[1:]],
        lambda items: [items[0] | {"id": 1.5}, *items[1:]],
        lambda items: [items[0] | {"id": True}, *items[1:]],
        lambda items: [items[0] | {"title": 7}, *items[1:]],
        lambda items: [items[0] | {"attributes": []}, *items[1:]],
        lambda items: [{"id": "x"}, *items[1:]],
        lambda _: {},
        lambda _: 7,
        lambda _: [7] * 25,
    ],
)
@pytest.mark.usefixtures("unloaded")
def test_a_catalogue_that_does_not_fit_is_refused(copy, change):
    (copy / "items.json").write_text(json.dumps(change(entries(copy))))
    sign(copy)
    with pytest.raises(BundleError):
        Recommender.load(copy)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"[NaN"])
@pytest.mark.usefixtures("unloaded")
def test_a_catalogue_that_is_no_json_is_refused(copy, content):
    (copy / "items.json").write_bytes(content)
    sign(copy)
    with pytest.raises(BundleError):
        Recommender.load(copy)


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 5000])
@pytest.mark.usefixtures("unloaded")
def test_a_model_cut_short_is_refused_even_when_signed(copy, keep):
    content = (copy / "model.tflite").read_bytes()
    (copy / "model.tflite").write_bytes(content[:keep])
    sign(copy)
    with pytest.raises(BundleError):
        Recommender.load(copy)


@pytest.mark.usefixtures("unloaded")
def test_the_model_of_another_catalogue_is_refused(copy, fresh_shop):
    shutil.copy(fresh_shop.bundle / "model.tflite", copy)
    sign(copy)
    with pytest.raises(BundleError):
        Recommender.load(copy)


def test_another_answer_than_where_it_was_made_is_refused(copy):
    golden = json.loads((copy / "manifest.json").read_text())["golden"]
    golden[-1]["scores"][3] += 1
    sign(copy, golden=golden)
    with pytest.raises(BundleError, match=r"golden .* differ by 1"):
        Recommender.load(copy)
    golden[-1]["scores"][3] = float("nan")
    sign(copy, golden=golden)
    with pytest.raises(BundleError):
        Recommender.load(copy)


def test_golden_answers_are_the_files_own(shop):
    bundle = open_bundle(shop.bundle)
    loaded = bundle.device()
    check_golden(bundle.manifest, loaded)
    lengths = [len(vector["history"]) for vector in bundle.manifest["golden"]]
    assert lengths[:3] == [0, 1, 2]
    for vector in bundle.manifest["golden"]:
        ids, scores = loaded.recommend(Query(np.array(vector["history"], np.int32)), k=10)
        assert ids.tolist() == vector["ids"]
        np.testing.assert_allclose(scores, vector["scores"], atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": ...},  # then nothing is known of it, and nobody asks
        {"state": 34},
        {"state": 0},
        {"state": -1},
        {"state": True},
        {"state": "33"},
        {"state": 2**17},
    ],
)
def test_a_state_is_as_wide_as_the_model_says(fresh_shop, tmp_path, changed):
    folder = shutil.copytree(fresh_shop.bundle, tmp_path / "bundle")
    shapes = json.loads((folder / "manifest.json").read_text())["shapes"]
    assert shapes["state"] == 33
    sign(folder, shapes={k: v for k, v in (shapes | changed).items() if v is not ...})
    if changed["state"] is ...:
        recommender = Recommender.load(folder)
        assert recommender.session().tap("sku-001") == recommender.recommend(["sku-001"])
        return
    with pytest.raises(BundleError):
        open_bundle(folder)


def test_a_model_without_a_step_cannot_be_said_to_have_one(copy):
    sign(copy, shapes=SHAPES | {"state": 33})
    with pytest.raises(BundleError, match="'step' is missing"):
        open_bundle(copy)


def test_golden_histories_are_stepped_through(fresh_shop, monkeypatch):
    """Kernels that recommend right and step wrong are found before the first tap."""
    bundle = open_bundle(fresh_shop.bundle)
    loaded = bundle.device()
    check_golden(bundle.manifest, loaded)
    right = loaded.step

    def wrong(state, query, k):
        state, (ids, scores) = right(state, query, k=k)
        return state, (ids, scores + (len(query.history) == 2))

    monkeypatch.setattr(loaded, "step", wrong)
    with pytest.raises(BundleError, match=r"golden .* differ by 1"):
        check_golden(bundle.manifest, loaded)
