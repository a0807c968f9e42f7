"""What an app calls: raw ids in, raw ids and titles out."""

import json
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import numpy as np
import pytest

from pocketrec.bundle.manifest import KIND
from pocketrec.errors import InputError
from pocketrec.runtime import Recommender, UnknownItemWarning
from pocketrec.storage.artifact import write_manifest
from support.small_shop import WALK, sku, walks


def ids(lines):
    return [line.id for line in lines]


@pytest.fixture(scope="module")
def numbered(shop, tmp_path_factory):
    """The shop's bundle with integers as ids: 100 for the most popular item, then 101, ..."""
    folder = tmp_path_factory.mktemp("numbered") / "bundle"
    shutil.copytree(shop.bundle, folder)
    items = json.loads((folder / "items.json").read_text())
    items = [item | {"id": 100 + place} for place, item in enumerate(items)]
    (folder / "items.json").write_text(json.dumps(items))
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    write_manifest(folder, KIND, manifest, files=[folder / "items.json", folder / "model.tflite"])
    return Recommender.load(folder)


def test_titles_come_with_the_ids(recommender):
    best = recommender.recommend(WALK, k=1)[0]
    assert (best.id, best.title) == (sku(8), "Product 8")
    assert set(best.to_json()) == {"id", "title", "score"}


def test_an_empty_history_gives_what_is_popular(recommender):
    counts = dict.fromkeys(range(25), 0)
    for _, product, _ in walks(60):
        counts[product] += 1
    order = ids(recommender.recommend([], k=25))
    assert len(order) == 25
    places = [order.index(sku(n)) for n in range(25)]
    ranks = np.argsort(np.argsort([-counts[n] for n in range(25)]))
    assert np.corrcoef(places, ranks)[0, 1] > 0.5
    popular = {sku(n) for n in sorted(counts, key=counts.get)[-5:]}
    assert len(set(order[:5]) & popular) >= 4


def test_unknown_ids_are_ignored_with_a_notice(recommender):
    with pytest.warns(UnknownItemWarning, match=r"2 of 5 .*'tea'") as notes:
        lines = recommender.recommend(["tea", *WALK, 7])
    assert lines == recommender.recommend(WALK)
    assert notes[0].filename == __file__
    with pytest.warns(UnknownItemWarning, match="blocked") as notes:
        recommender.recommend(WALK, blocked=["tea"])
    assert notes[0].filename == __file__
    with pytest.warns(UnknownItemWarning, match="history"):
        assert recommender.score(["tea", *WALK], [sku(1)]) == recommender.score(WALK, [sku(1)])


def test_unknown_ids_are_refused_when_strict(recommender):
    for arguments in ({"history": ["tea"]}, {"history": WALK, "blocked": ["tea"]}):
        with pytest.raises(InputError, match="'tea'"):
            recommender.recommend(**arguments, strict=True)
    with pytest.raises(InputError, match="'tea'"):
        recommender.score(WALK, ["tea"])
    assert recommender.recommend(WALK, strict=True) == recommender.recommend(WALK)


@pytest.mark.parametrize("k", [0, -1, True, False, 2.0, 2.5, "3", None, 26, 10**12, np.bool_(1)])
def test_a_k_that_cannot_be_is_refused(recommender, k):
    with pytest.raises(InputError, match="k "):
        recommender.recommend(WALK, k=k)


@pytest.mark.parametrize("k", [1, 25, np.int64(7)])
def test_lists_have_k_lines(recommender, k):
    assert len(recommender.recommend(WALK, k=k)) == k


def test_ids_of_an_enumeration_are_their_values(recommender):
    class Product(str, Enum):  # noqa: UP042 (of a StrEnum, str() is the value; of this, the name)
        TEA = sku(7)

    assert recommender.recommend([Product.TEA]) == recommender.recommend([sku(7)])


def test_histories_may_be_any_iterable(recommender):
    expected = recommender.recommend(WALK)
    for history in (tuple(WALK), iter(WALK), np.array(WALK), (item for item in WALK)):
        assert recommender.recommend(history) == expected


def test_integers_and_their_text_name_the_same_items(numbered):
    expected = numbered.recommend([100, 103], blocked=[107])
    assert expected[0].id in range(100, 125)
    assert numbered.recommend(["100", np.int64(103)], blocked=["107"]) == expected
    assert numbered.score(["100"], ["101"]) == numbered.score([100], [101])
    with pytest.raises(InputError):
        numbered.recommend(["0100"], strict=True)


def test_scores_are_in_the_order_of_the_candidates(recommender):
    lines = recommender.recommend(WALK, k=25)
    candidates = [line.id for line in reversed(lines)]
    assert recommender.score(WALK, candidates) == [line.score for line in reversed(lines)]
    assert recommender.score(WALK, [candidates[0]] * 3) == [lines[-1].score] * 3
    assert recommender.score(WALK, []) == []


def test_a_user_vector_of_zeros_changes_nothing(recommender):
    assert recommender.recommend(WALK, user_vector=[0.0] * 32) == recommender.recommend(WALK)
    assert recommender.recommend(WALK, user_vector=[1.0] * 32) != recommender.recommend(WALK)


def test_threads_may_share_a_recommender(recommender):
    histories = [[sku((first + n) % 25) for n in range(first % 9)] for first in range(60)]

    def answer(history):
        lines = recommender.recommend(history, blocked=history[:1])
        return lines, recommender.score(history, [sku(n) for n in range(25)])

    expected = [answer(history) for history in histories]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, histories * 5)) == expected * 5


def test_loading_and_recommending_say_nothing(shop):
    code = (
        "import sys; from pocketrec.runtime import Recommender; "
        "Recommender.load(sys.argv[1], threads=2).recommend([]); "
        "heavy = {'torch', 'polars', 'pydantic', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    words = [sys.executable, "-W", "error", "-c", code, str(shop.bundle)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_known_ids_give_no_notice(recommender):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recommender.recommend(WALK, blocked=[sku(1)])
