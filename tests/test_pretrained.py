"""The bundles that come along, and the benchmark that says what their parts are worth."""

import sys
from pathlib import Path

import pytest

from pocketrec.bundle.folder import open_bundle
from pocketrec.config.sections import Config
from pocketrec.errors import BundleError
from pocketrec.pretrained import find_bundle, pretrained
from pocketrec.runtime import Event, Recommender
from support.small_shop import pocketrec, succeed

ROOT = Path(__file__).parent.parent
FILMS = "movielens-1m"
BYTES = 500_000


@pytest.fixture(scope="module")
def films():
    return Recommender.load(FILMS)


def by_title(recommender, title):
    return next(item.id for item in recommender.items if item.title == title)


def test_the_films_are_listed_and_small():
    (row,) = [row for row in succeed("list", "--json").json if row["name"] == FILMS]
    assert row["bytes"] <= BYTES
    assert FILMS in succeed("list").out


def test_the_card_is_of_this_very_file():
    folder = pretrained()[FILMS]
    text = (folder / "README.md").read_text(encoding="utf-8")
    bundle = open_bundle(folder)
    assert f"{len(bundle.model):,} bytes" in text
    assert f"{len(bundle.items):,} films" in text
    assert "research use" in text


def test_nothing_of_a_machine_or_a_user_is_in_the_manifest():
    manifest = (pretrained()[FILMS] / "manifest.json").read_text(encoding="utf-8")
    config = open_bundle(pretrained()[FILMS]).manifest["config"]
    assert "path" not in config["data"]
    assert "/home" not in manifest
    assert "user_id" not in manifest


def test_cartoons_lead_to_cartoons(films):
    history = [by_title(films, title) for title in ("Toy Story (1995)", "Aladdin (1992)")]
    titles = [line.title for line in films.recommend(history, k=5)]
    assert "Lion King, The (1994)" in titles
    assert not {"Toy Story (1995)", "Aladdin (1992)"} & set(titles)


def test_the_films_know_users_and_the_clock(films):
    history = [Event(by_title(films, "Toy Story (1995)"), time=978_300_000)]
    plain = films.score(history, [1, 2, 3, 4])
    assert films.score(history, [1, 2, 3, 4], user={"gender": "F"}) != plain
    assert films.score(history, [1, 2, 3, 4], now=978_900_000) != plain


def test_the_command_line_takes_the_name():
    words = ["recommend", FILMS, "--history", "Toy Story (1995)", "Aladdin (1992)", "--json"]
    titles = [line["title"] for line in succeed(*words).json]
    assert "Lion King, The (1994)" in titles


def test_a_name_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(BundleError, match=f"no bundle 'films'.*{FILMS}"):
        find_bundle("films")
    result = pocketrec("bench", "films")
    assert (result.code, FILMS in result.err) == (2, True)


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_bundle(FILMS) == pretrained()[FILMS]
    (tmp_path / FILMS).mkdir()
    assert find_bundle(FILMS) == Path(FILMS)


def test_every_variant_of_the_benchmark_is_a_config(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sys.modules.pop("quality", None)
    from quality import FULL, VARIANTS

    example = ROOT / "examples" / f"{FILMS}.toml"
    full = Config.load(example)
    for name, settings in VARIANTS.items():
        changed = Config.load(example, [*settings])
        assert (changed == full) == (name == FULL), name
