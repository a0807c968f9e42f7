"""A TOML is read, dumped and overridden: paths, values, and files that are no config."""

from pathlib import Path

import pytest

from pocketrec.config.load import override
from pocketrec.config.sections import Config
from pocketrec.errors import ConfigError
from pocketrec.storage.paths import Url

DOCUMENT = {
    "data": {"path": "events.csv", "rating": "stars", "min_rating": 3.5, "buckets": 2},
    "split": {"kind": "users", "seed": 4},
    "model": {"encoder": "gru", "dim": 16},
    "training": {"epochs": 3},
    "evaluation": {"cutoffs": [5, 10]},
    "export": {"quantization": "int4"},
}


@pytest.mark.parametrize("mode", ["json", "python"])
def test_a_config_survives_its_own_dump(mode):
    config = Config.parse(DOCUMENT, name="test.toml")
    dumped = config.model_dump(mode=mode, exclude_unset=True)
    again = Config.parse(dumped, name="dump")
    assert again.model_dump() == config.model_dump()
    assert again.model_dump(mode="json", exclude_unset=True) == DOCUMENT


def write(folder, text):
    file = folder / "own.toml"
    file.write_text(text)
    return file


TOML = '[data]\npath = "events.csv"\n[model]\ndim = 16\n'


def test_paths_start_from_the_toml_and_typed_ones_from_here(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    file = write(tmp_path / "there", TOML)
    monkeypatch.chdir(tmp_path / "here")
    config = Config.load(file)
    assert config.resolve(config.data.path) == tmp_path / "there" / "events.csv"
    config = Config.load(file, ["data.path=other.csv"])
    assert config.resolve(config.data.path) == tmp_path / "here" / "other.csv"


def test_urls_are_no_paths(tmp_path):
    """A second slash is kept, and no folder is put before them; file:// is a path all the same."""
    file = write(tmp_path, TOML)
    for url in ("gs://bucket/log/*.csv", "s3://b/x.parquet", "hdfs://name:9000/log"):
        config = Config.load(file, [f"data.path={url}", "data.items=file:///shop/items.csv"])
        assert config.resolve(config.data.path) == Url(url)
        assert config.resolve(config.data.items) == Path("/shop/items.csv")


def test_overrides_are_toml_or_else_plain_words(tmp_path):
    overrides = [
        "model.dim=32",
        "model.encoder=bow",
        'training.schedule="constant"',
        "evaluation.cutoffs=[3, 7]",
        "data.exclude_seen = false",
    ]
    config = Config.load(write(tmp_path, TOML), overrides)
    assert (config.model.dim, config.model.encoder) == (32, "bow")
    assert config.training.schedule == "constant"
    assert config.evaluation.cutoffs == (3, 7)
    assert config.data.exclude_seen is False


def test_overrides_reach_into_tables_of_tables(tmp_path):
    overrides = ["data.items=products.csv", "features.item.genres=category"]
    config = Config.load(write(tmp_path, TOML), overrides)
    assert config.features.item == {"genres": "category"}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf[data]\npath = 'x'\n")
    assert Config.load(tmp_path / "own.toml").data.path == "x"


@pytest.mark.parametrize(
    "override",
    [
        "model.dim=32\nx = 1",
        "model.dim=" + "9" * 9999,
        "model.dim=" + "[" * 99_999,
    ],
)
def test_an_override_that_is_no_value_is_refused(tmp_path, override):
    with pytest.raises(ConfigError, match=r"model.dim = '"):
        Config.load(write(tmp_path, TOML), [override])


@pytest.mark.parametrize(
    "override", ["dim=3", "model.dim", "model.=3", "=", "", "model.dimm=3", "model.dim=wide"]
)
def test_a_wrong_override_is_refused(tmp_path, override):
    with pytest.raises(ConfigError):
        Config.load(write(tmp_path, TOML), [override])


def test_an_override_beneath_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"\[model\]"):
        override({"model": 5}, "model.dim=3")


def test_only_the_named_section_of_an_artifact_can_be_changed():
    config = Config.parse(DOCUMENT, name="test.toml")
    changed = config.override(["export.results=7"], only="export")
    assert changed.export.results == 7
    assert changed.export.quantization == "int4"
    assert changed.model == config.model
    with pytest.raises(ConfigError, match=r"\[export\]"):
        config.override(["model.dim=32"], only="export")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"data = [", "TOML"),
        (b"\xff\xfe", "TOML"),
        (b"", "[data] is missing"),
        (b"a = " + b"[" * 9999, "nested too deeply"),
        (b"a = " + b"9" * 9999, "4300 digits"),
        (b'[data]\npath = "x"\n"a\\nb" = 1', r"unknown key 'data.a\nb'"),
        (
            b'[data]\npath = "x"\n[model.groups.g]\nfeatures = ["item_id"]\nencoder = "bow"\nx = 1',
            "unknown key 'model.groups.g.x' (known here: encoder, features)",
        ),
        (b'[data]\npath = "x"\ntime_format = "' + b"x" * 9999 + b'"', "xxx...: Input should be"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path, content, words):
    file = tmp_path / "own.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Config.load(file)
    assert str(file) in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no config file"):
        Config.load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path)
