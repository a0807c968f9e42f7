"""New items reach the people who like what they are; nothing of the old ones changes."""

import csv
import json
import shutil

import numpy as np
import pytest

from pocketrec.bundle.folder import open_bundle
from pocketrec.errors import ArtifactError, BundleError, DataError
from pocketrec.features.attributes import encode_attributes, fit_encoding
from pocketrec.new_items.add_items import add_items
from pocketrec.new_items.vectors import vectors_from_attributes
from pocketrec.pretrained import find_bundle
from pocketrec.runtime import Recommender
from pocketrec.storage.draft import new_folder
from support.small_shop import AISLES, PLACES, pocketrec, sign, sku, succeed

HEADER = ("id", "title", "price", "tags")
NEW = [("new-1", "Ice, crushed", "1.5", "cold"), ("new-2", "", "", "hot|cold")]


def write(path, rows, header=HEADER):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def larger(fresh_shop, tmp_path_factory):
    """The fresh shop's bundle with two products more."""
    folder = tmp_path_factory.mktemp("larger")
    items = write(folder / "new.csv", NEW)
    add_items(fresh_shop.bundle, items, folder / "bundle")
    return folder / "bundle"


def test_vectors_follow_attributes():
    """Two groups of items in two corners: a new item goes to the corner of its group."""
    random = np.random.default_rng(1)
    groups = ["left", "right"] * 50
    corner = np.array([[-1.0, 0.0], [1.0, 0.0]])
    table = np.array([corner[int(g == "right")] for g in groups]) + random.normal(0, 0.3, (100, 2))
    encodings = {"group": fit_encoding(groups, "category")}
    known = encode_attributes({"group": groups}, encodings).matrix
    new = encode_attributes({"group": ["right", "left", "unheard of", None]}, encodings).matrix
    mean, differences = vectors_from_attributes(table.astype(np.float32), known, new)
    right, left, unknown, missing = mean + differences
    assert right[0] > 0.6
    assert left[0] < -0.6
    for vector in (unknown, missing):
        np.testing.assert_allclose(vector, mean, atol=1e-5)


def test_the_bundle_has_both_catalogues_and_the_old_files_form(fresh_shop, larger):
    old, new = open_bundle(fresh_shop.bundle), open_bundle(larger)
    assert new.items[:-2] == old.items
    assert new.items[-2].title == "Ice, crushed"
    assert new.items[-2].attributes == {"price": 1.5, "tags": ["cold"]}
    assert new.items[-1].title is None
    assert new.items[-1].attributes == {"tags": ["hot", "cold"]}
    assert new.manifest["added"] == 2
    assert new.manifest["provenance"] == old.manifest["provenance"]
    assert new.spec.features == old.spec.features
    assert new.manifest["made_from"] != old.manifest["made_from"]


def test_old_items_keep_their_scores_and_new_ones_can_be_asked_for(fresh_shop, larger):
    old, new = Recommender.load(fresh_shop.bundle), Recommender.load(larger)
    ids = [item.id for item in old.items]
    for history in ([], [sku(1)], [sku(1), sku(7), sku(3)]):
        np.testing.assert_allclose(old.score(history, ids), new.score(history, ids), atol=1e-5)
    assert np.isfinite(new.score([sku(1)], ["new-1", "new-2"])).all()
    listed = [line.id for line in new.recommend(["new-1"], k=AISLES * PLACES + 1)]
    assert "new-2" in listed
    assert "new-1" not in listed


def test_new_items_can_be_added_twice(larger, tmp_path):
    items = write(tmp_path / "more.csv", [("new-3", "Ice, cubes", "1.5", "cold")])
    add_items(larger, items, tmp_path / "out")
    bundle = open_bundle(tmp_path / "out")
    assert bundle.manifest["added"] == 3
    recommender = Recommender.load(tmp_path / "out")
    before = Recommender.load(larger)
    ids = [item.id for item in before.items]
    np.testing.assert_allclose(
        before.score([sku(2)], ids), recommender.score([sku(2)], ids), atol=1e-5
    )


def test_the_command_tells_what_it_did(fresh_shop, tmp_path):
    items = write(tmp_path / "new.csv", [(*row, "red") for row in NEW], (*HEADER, "colour"))
    words = ["add-items", fresh_shop.bundle, items, "--out", tmp_path / "out"]
    result = succeed(*words, "--json")
    assert result.json["added"] == 2
    assert result.json["ignored_columns"] == ["colour"]
    assert "colour" in result.err
    shown = succeed(*words)
    assert "Ice, crushed" in shown.out
    listed = succeed("recommend", tmp_path / "out", "--history", "new-1", "--json").json
    assert len(listed) == 10


WRONG = {
    "is there already": ([(sku(3), "", "1", "cold")], HEADER, "line 2"),
    "twice": ([NEW[0], NEW[0]], HEADER, "line 3"),
    "no id": ([("  ", "", "1", "cold")], HEADER, "no id"),
    "no number": ([("a", "", "cheap", "cold")], HEADER, "'cheap'"),
    "not a number": ([("a", "", "nan", "cold")], HEADER, "'nan'"),
    "ragged": ([("a", "", "1")], HEADER, "number of fields differs"),
    "too long": ([("a", "", "1", "cold", "x")], HEADER, "number of fields differs"),
    "nothing": ([], HEADER, "no item"),
    "no column of ids": ([("a", "", "1", "cold")], ("sku", *HEADER[1:]), "'id'"),
    "nothing that is read": ([("a", "b")], ("id", "title"), "price"),
    "columns twice": ([("a", "", "1", "1")], ("id", "title", "price", "price"), "once"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused(fresh_shop, tmp_path, name):
    rows, header, expected = WRONG[name]
    items = write(tmp_path / "new.csv", rows, header)
    result = pocketrec("add-items", fresh_shop.bundle, items, "--out", tmp_path / "out")
    assert result.code == 2
    assert expected in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b'id,tags\n"a'])
def test_what_is_no_csv_is_refused(fresh_shop, tmp_path, content):
    (tmp_path / "new.csv").write_bytes(content)
    with pytest.raises(DataError):
        add_items(fresh_shop.bundle, tmp_path / "new.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ids_are_integers_where_the_catalogue_has_integers(tmp_path):
    header = ("id", "title", "genres", "year")
    items = write(tmp_path / "new.csv", [("9x", "A", "Drama", "1990")], header)
    with pytest.raises(DataError, match="no integer"):
        add_items(find_bundle("movielens-1m"), items, tmp_path / "out")


def test_a_model_without_attributes_is_refused(shop, tmp_path):
    items = write(tmp_path / "new.csv", NEW)
    with pytest.raises(BundleError, match=r"features\.item"):
        add_items(shop.bundle, items, tmp_path / "out")


def test_items_that_are_codes_are_refused(fresh_shop, tmp_path):
    copy = shutil.copytree(fresh_shop.bundle, tmp_path / "copy")
    sign(copy, quantization="pq")
    items = write(tmp_path / "new.csv", NEW)
    with pytest.raises(BundleError, match=r"as codes .* export the run as 'int8'"):
        add_items(copy, items, tmp_path / "out")


def test_another_kind_of_folder_is_not_replaced(fresh_shop, tmp_path):
    items = write(tmp_path / "new.csv", NEW)
    with new_folder(tmp_path / "out", "data"):
        pass
    with pytest.raises(ArtifactError, match="no bundle"):
        add_items(fresh_shop.bundle, items, tmp_path / "out")


@pytest.mark.slow
def test_films_are_placed_beside_their_like(tmp_path):
    """The pretrained bundle: cartoon watchers get the new cartoon, and not the horror film."""
    header = ("id", "title", "genres", "year")
    rows = [
        ("9001", "Cartoon", "Animation|Children's|Musical", "1994"),
        ("9002", "Horror", "Horror|Thriller", "1994"),
    ]
    items = write(tmp_path / "new.csv", rows, header)
    report = succeed("add-items", "movielens-1m", items, "--out", tmp_path / "out", "--json").json
    assert report["share_of_places"] < 0.05
    recommender = Recommender.load(tmp_path / "out")
    by_title = {item.title: item.id for item in recommender.items}
    cartoons = [by_title[t] for t in ("Aladdin (1992)", "Lion King, The (1994)", "Mulan (1998)")]
    horrors = [by_title[t] for t in ("Scream 2 (1997)", "Halloween (1978)", "Exorcist, The (1973)")]
    cartoon, horror = zip(
        *(recommender.score(history, [9001, 9002]) for history in (cartoons, horrors)), strict=True
    )
    assert cartoon[0] > cartoon[1] + 1
    assert horror[1] > horror[0] + 1
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["added"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"added": "2"},
        {"added": -1},
        {"added": 10**6},
        {"config": []},
        {"config": {"features": {"item": ["tags"]}}},
        {"config": {"features": {"item": {"tags": "colour"}}}},
        {"config": {"features": {"item": {"tags": "number"}}}},
        {"config": {"features": {"item": {"tags": ["category"]}}}},
        {"config": {"features": {"item": {"tags": "category"}}, "data": 7}},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(fresh_shop, tmp_path, changes):
    copy = shutil.copytree(fresh_shop.bundle, tmp_path / "copy")
    sign(copy, **changes)
    items = write(tmp_path / "new.csv", NEW)
    with pytest.raises(BundleError):
        add_items(copy, items, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bundle_with_new_items_can_be_evaluated(fresh_shop, larger):
    words = ["--data", fresh_shop.data, "--json"]
    before = succeed("evaluate", fresh_shop.bundle, *words).json
    after = succeed("evaluate", larger, *words).json
    assert after["users"] == before["users"]
    assert after["metrics"]["ndcg@10"]["value"] <= before["metrics"]["ndcg@10"]["value"]
    assert after["metrics"]["ndcg@10"]["value"] >= before["metrics"]["ndcg@10"]["value"] - 0.1
