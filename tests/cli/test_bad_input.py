"""What users get wrong: one sentence on stderr, exit code 2, and nothing half made."""

import pytest

from pocketrec.ingest import read
from support.refusals import refused
from support.small_shop import TOML, pocketrec, sku, write_shop


@pytest.fixture
def small(tmp_path):
    """A shop's folder without anything made from it."""
    return write_shop(tmp_path / "small", users=8)


def prepare(toml, out=None):
    """Prepare what cannot be prepared: the sentence, once nothing new is in the folder."""
    before = sorted(toml.parent.iterdir())
    sentence = refused(pocketrec("prepare", toml, "--out", out or toml.parent / "data"))
    assert sorted(toml.parent.iterdir()) == before
    return sentence


def write_log(toml, *rows):
    lines = ["customer,product,bought_at", *rows]
    (toml.parent / "events.csv").write_text("\n".join(lines) + "\n")


def test_a_missing_column(small):
    small.write_text(TOML.replace('"bought_at"', '"moment"'))
    sentence = prepare(small)
    assert "'moment'" in sentence
    assert "bought_at" in sentence


@pytest.mark.parametrize("content", ["", "customer,product,bought_at\n"])
def test_an_empty_log(small, content):
    (small.parent / "events.csv").write_text(content)
    assert "events.csv" in prepare(small)


def test_one_user_only(small):
    write_log(small, *(f"ada,{sku(n)},2026-01-{n + 1:02d}" for n in range(20)))
    assert "one user" in prepare(small)


def test_an_unknown_key(small):
    small.write_text(TOML.replace("dim = 32", "dims = 32"))
    assert "model.dims" in prepare(small)


def test_toml_that_is_none(small):
    small.write_text("[data\n")
    assert "TOML" in prepare(small)


@pytest.mark.parametrize("time", ["nan", "-5", "NaN", "soon", ""])
def test_a_time_that_is_none(small, time):
    rows = [f"{who},{sku(n)},{1_700_000_000 + n}" for who in "abc" for n in range(9)]
    write_log(small, *rows, f"a,{sku(3)},{time}")
    assert "row 28" in prepare(small)


def test_a_file_that_is_not_parquet(small):
    (small.parent / "events.csv").rename(small.parent / "events.parquet")
    small.write_text(TOML.replace("events.csv", "events.parquet"))
    sentence = prepare(small)
    assert "events.parquet" in sentence
    assert "Parquet" in sentence


def test_a_catalogue_that_is_missing(small):
    (small.parent / "products.csv").unlink()
    assert "products.csv" in prepare(small)


@pytest.mark.parametrize(
    ("attribute", "kind", "said"),
    [
        ("colour", "category", "has price, tags"),
        ("tags", "number", "category"),
        ("tags", "word", "'category' or 'number'"),
    ],
)
def test_attributes_that_the_catalogue_has_not(small, attribute, kind, said):
    small.write_text(TOML + f'[features.item]\n{attribute} = "{kind}"\n')
    sentence = prepare(small)
    assert f"features.item.{attribute}" in sentence
    assert said in sentence


def test_attributes_without_a_catalogue(small):
    plain = TOML.replace('items = "products.csv"\n', "")
    small.write_text(plain + '[features.item]\ntags = "category"\n')
    assert "data.items" in prepare(small)


def test_a_config_that_is_missing(tmp_path):
    sentence = refused(pocketrec("prepare", tmp_path / "no.toml", "--out", tmp_path / "data"))
    assert "no.toml" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_log_without_a_clock_has_no_split_by_time(small):
    order = TOML.replace("[model]", 'time_format = "order"\n[split]\nkind = "time"\n[model]')
    small.write_text(order)
    assert 'needs a clock, but data.time_format is "order"' in " ".join(prepare(small).split())


def test_an_unwritable_place(small, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in prepare(small, tmp_path / "file" / "data")


def test_an_out_that_is_elsewhere(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (
        ["train", shop.toml, "--data", shop.data],
        ["export", shop.run],
        ["add-items", shop.bundle, tmp_path / "items.csv"],
    ):
        result = pocketrec(*words, "--out", "gs://b/x")
        assert (result.code, result.out) == (2, "")
        assert "--out 'gs://b/x' is elsewhere: only prepare writes there" in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """Otherwise the manifest would describe one log, and the data would be of another."""
    small = write_shop(tmp_path, users=20)
    log = small.parent / "events.csv"
    real = read.describe_source

    def describe_and_change(config):
        description = real(config)
        log.write_text(log.read_text() + f"late,{sku(1)},2026-03-01,app,1\n")
        return description

    monkeypatch.setattr("pocketrec.preparation.pipeline.describe_source", describe_and_change)
    assert "changed while it was read" in prepare(small)


def test_a_full_disk(monkeypatch, shop):
    def measure(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pocketrec.bundle.cost.measure_cost", measure)
    assert "No space left" in refused(pocketrec("bench", shop.bundle))
