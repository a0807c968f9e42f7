"""A catalogue of one item, the whole way: there is little to say, and it is said."""

import pytest

from pocketrec.runtime import Personal, Recommender
from support.small_shop import pocketrec, settings, succeed

TOML = """\
[data]
path = "events.csv"
exclude_seen = false
[model]
dim = 8
max_length = 8
[export]
max_ndcg_loss = 0.9
min_overlap = 0.1
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    rows = [f"user {user},only,{1_700_000_000 + n}" for user in range(12) for n in range(6)]
    (folder / "events.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    (folder / "one.toml").write_text(TOML)
    succeed("prepare", folder / "one.toml", "--out", folder / "data")
    training = settings("training", "epochs=1", "threads=1", "batch_labels=64")
    words = ["train", folder / "one.toml", "--data", folder / "data", "--out", folder / "run"]
    succeed(*words, *training)
    succeed("export", folder / "run", "--out", folder / "bundle")
    return folder / "bundle"


@pytest.mark.slow
def test_the_only_item_is_recommended_unless_it_is_blocked(bundle):
    for history in ("", "only", "only,only,only"):
        lines = succeed("recommend", bundle, "--history", history, "-k", 1, "--json").json
        assert [line["id"] for line in lines] == ["only"]
    words = ["recommend", bundle, "--blocked", "only", "-k", 1, "--json"]
    assert succeed(*words).json == []
    assert "more than the catalogue's 1 items" in pocketrec("recommend", bundle, "-k", 2).err


def test_a_user_of_one_item_learns(bundle):
    personal = Personal(Recommender.load(bundle))
    personal.like("only")
    assert [line.id for line in personal.recommend(k=1)] == ["only"]
    personal.dislike("only")
    assert personal.recommend(k=1) == []
    assert personal.explain(["only"])[0].because == []
