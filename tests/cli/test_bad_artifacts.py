"""Artifacts and options that do not fit a command: one sentence, and nothing half made."""

import json
import shutil

import pytest

from pocketrec.storage.artifact import write_manifest
from support.refusals import refused
from support.small_shop import TOML, pocketrec, succeed, write_shop


@pytest.mark.parametrize("name", ["folder", "file"])
@pytest.mark.parametrize("verb", ["prepare", "train", "export"])
def test_an_out_that_is_another_thing_is_left_alone(shop, tmp_path, verb, name):
    out = tmp_path / "mine"
    kept = out / "diary" if name == "folder" else out
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("dear diary")
    words = {
        "prepare": ["prepare", shop.toml],
        "train": ["train", shop.toml, "--data", shop.data],
        "export": ["export", shop.run],
    }[verb]
    assert "mine" in refused(pocketrec(*words, "--out", out))
    assert kept.read_text() == "dear diary"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_artifact_of_another_kind_is_left_alone(shop, tmp_path):
    out = shutil.copytree(shop.bundle, tmp_path / "bundle")
    assert "bundle" in refused(pocketrec("prepare", shop.toml, "--out", out))
    assert succeed("recommend", out, "--json").json


@pytest.mark.parametrize("what", ["nothing", "bundle", "empty"])
def test_data_that_are_none(shop, tmp_path, what):
    (tmp_path / "empty").mkdir()
    folder = {"nothing": tmp_path / "no", "bundle": shop.bundle, "empty": tmp_path / "empty"}[what]
    run = tmp_path / "run"
    assert folder.name in refused(pocketrec("train", shop.toml, "--data", folder, "--out", run))
    assert folder.name in refused(pocketrec("evaluate", shop.bundle, "--data", folder))
    assert not run.exists()


def test_data_of_another_config(shop, tmp_path):
    toml = tmp_path / "other.toml"
    toml.write_text(TOML.replace("exclude_seen = false", "exclude_seen = true"))
    sentence = refused(pocketrec("train", toml, "--data", shop.data, "--out", tmp_path / "run"))
    assert "exclude_seen" in sentence
    assert not (tmp_path / "run").exists()


@pytest.fixture
def unfinished(shop, tmp_path):
    run = shutil.copytree(shop.run, tmp_path / "half")
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["sha256"]
    write_manifest(run, "run", manifest | {"finished": False}, files=[])
    return run


def test_a_run_that_is_not_finished(shop, unfinished, tmp_path):
    out = tmp_path / "bundle"
    assert "--resume" in refused(pocketrec("export", unfinished, "--out", out))
    assert "--resume" in refused(pocketrec("evaluate", unfinished, "--data", shop.data))
    assert not out.exists()


def test_a_run_that_is_none(shop, tmp_path):
    out = tmp_path / "bundle"
    assert "bundle" in refused(pocketrec("export", shop.bundle, "--out", out))
    assert "no-such" in refused(pocketrec("export", tmp_path / "no-such", "--out", out))
    assert list(tmp_path.iterdir()) == []


def test_exporting_with_other_data_than_trained_on(shop, fresh_shop, tmp_path):
    words = ["export", shop.run, "--data", fresh_shop.data, "--out", tmp_path / "bundle"]
    assert "trained on" in refused(pocketrec(*words))
    assert list(tmp_path.iterdir()) == []


def test_only_export_settings_may_change_at_export(shop, tmp_path):
    out = tmp_path / "bundle"
    for setting in ("model.dim=64", "data.exclude_seen=true", "export.nothing=1", "nonsense"):
        refused(pocketrec("export", shop.run, "--out", out, "--set", setting))
    assert not out.exists()


def test_figures_on_other_data_would_be_a_leak(shop, fresh_shop):
    for subject in (shop.bundle, shop.run):
        sentence = refused(pocketrec("evaluate", subject, "--data", fresh_shop.data))
        assert "prepared otherwise" in sentence


def test_figures_with_the_opposite_rule_for_seen_items(shop, tmp_path):
    """The same events prepared with exclude_seen = true are still another experiment."""
    write_shop(tmp_path, toml=TOML.replace("seen = false", 'seen = true\nrepeats = "all"'))
    succeed("prepare", tmp_path / "shop.toml", "--out", tmp_path / "data")
    refused(pocketrec("evaluate", shop.bundle, "--data", tmp_path / "data"))


def test_what_is_evaluated_must_be_a_bundle_or_a_run(shop, tmp_path):
    for subject in (shop.data, tmp_path, tmp_path / "no-such"):
        assert "neither" in refused(pocketrec("evaluate", subject, "--data", shop.data))
    assert "--part" in refused(
        pocketrec("evaluate", shop.bundle, "--data", shop.data, "--part", "train")
    )


@pytest.mark.parametrize("name", ["model.tflite", "items.json", "manifest.json"])
def test_a_bundle_with_one_byte_changed(shop, tmp_path, name):
    bundle = shutil.copytree(shop.bundle, tmp_path / "bundle")
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    for words in (
        ["recommend", bundle],
        ["bench", bundle],
        ["evaluate", bundle, "--data", shop.data],
    ):
        refused(pocketrec(*words))


def test_a_bundle_that_is_none(shop, tmp_path):
    for verb in ("recommend", "bench"):
        for folder in (tmp_path, tmp_path / "no-such", shop.run, shop.toml):
            assert folder.name in refused(pocketrec(verb, folder))


@pytest.mark.parametrize("k", [26, 0, -1])
def test_a_k_that_the_catalogue_does_not_have(shop, k):
    assert f" {k}" in refused(pocketrec("recommend", shop.bundle, "-k", k))


def test_paths_are_told_as_they_are(tmp_path):
    """No bracket, colon or long name of a folder is eaten or wrapped by the terminal's markup."""
    folder = tmp_path / "[bold]" / ":smile:" / ("long " * 30).strip()
    assert str(folder) in refused(pocketrec("recommend", folder))


@pytest.mark.parametrize(
    "words", [[], ["recommend"], ["no-such-verb"], ["recommend", "x", "-k", "y"]]
)
def test_words_that_are_no_command_end_with_2(words):
    result = pocketrec(*words)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_bench_runs_no_code_of_the_current_folder(shop, tmp_path, monkeypatch):
    (tmp_path / "resource.py").write_text("raise SystemExit('foreign code was run')")
    monkeypatch.chdir(tmp_path)
    succeed("bench", shop.bundle, "--json")


@pytest.mark.parametrize("key", ["finished", "fingerprint", "config", "data", "features"])
def test_a_run_whose_manifest_lacks_something(shop, tmp_path, key):
    run = shutil.copytree(shop.run, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    files = [run / name for name in manifest.pop("files")]
    content = {name: value for name, value in manifest.items() if name not in (key, "sha256")}
    write_manifest(run, "run", content, files=files)
    assert f"'{key}'" in refused(pocketrec("export", run, "--out", tmp_path / "bundle"))
    assert f"'{key}'" in refused(pocketrec("evaluate", run, "--data", shop.data))


@pytest.mark.parametrize("text", ['[{"id": "sku-001", "tmie": 5}]', "{}", "[[1]]", "nothing"])
def test_a_history_in_a_file_that_is_none(shop, tmp_path, text):
    (tmp_path / "events.json").write_text(text)
    words = ["recommend", shop.bundle, "--events", tmp_path / "events.json"]
    assert "events.json" in refused(pocketrec(*words))


@pytest.mark.parametrize("words", [["--log-format", "json"], ["--log-format=json"], []])
def test_a_misspelled_option_is_one_sentence(shop, words):
    result = pocketrec("recommend", shop.bundle, "--histroy", "x", *words)
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    message = json.loads(line)["message"] if words else line
    assert "--histroy" in message
    assert "--help" in message
