"""What commands say beside their results: for people, for machines, and what a friend would say."""

import json
import re
import shlex
import shutil
from datetime import datetime

import pytest

from pocketrec.cli import recommend as recommend_verb
from support.small_shop import pocketrec, settings, sign, sku, succeed, write_shop


def entries(result):
    """The lines of --log-format json."""
    return [json.loads(line) for line in result.err.splitlines()]


@pytest.fixture(scope="module")
def toml(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("log"), users=20)


def commands(shop, fresh_shop, toml, out):
    """Each verb that ends by itself, on something small."""
    new_items = toml.parent / "new.csv"
    new_items.write_text("id,title,tags\nnew,New,cold\n")
    added = ["--out", out / "added"]
    return {
        "prepare": ["prepare", toml, "--out", out / "data"],
        "train": shop.train_words(),
        "export": ["export", shop.run, "--out", shop.bundle],
        "add-items": ["add-items", fresh_shop.bundle, new_items, *added],
        "evaluate": ["evaluate", shop.bundle, "--data", shop.data],
        "recommend": ["recommend", shop.bundle],
        "bench": ["bench", shop.bundle],
        "list": ["list"],
        "doctor": ["doctor"],
    }


VERBS = ["prepare", "train", "export", "add-items", "evaluate"]
VERBS += ["recommend", "bench", "list", "doctor"]
WRITTEN = {"prepare": "data", "add-items": "added"}
"""What is made anew; of the others the shop's own is there."""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_ends_with_what_it_wrote_how_long_and_what_is_next(
    shop, fresh_shop, toml, tmp_path, verb
):
    words = commands(shop, fresh_shop, toml, tmp_path)[verb]
    last = succeed(*words).err.splitlines()[-1]
    made = f"wrote {tmp_path / WRITTEN[verb]}" if verb in WRITTEN else "done"
    assert re.fullmatch(rf"{re.escape(made)} in \d+\.\d s; next: .+", last)
    spoken = entries(succeed(*words, "--json", "--log-format", "json"))
    final = spoken[-1]
    assert {"time", "level", "message", "wrote", "seconds", "next"} <= final.keys()
    assert final["level"] == "info"
    assert datetime.fromisoformat(final["time"]).tzinfo is not None
    assert 0 < final["seconds"] < 60
    quiet = succeed(*words, "--quiet")
    assert all(line.startswith("note: ") for line in quiet.err.splitlines())
    assert quiet.out


@pytest.mark.slow
def test_what_is_next_can_be_pasted(tmp_path):
    """From a log to a list with only the commands that are printed, and a blank in the path."""
    toml = write_shop(tmp_path / "my shop")
    done = succeed("prepare", toml, "--out", tmp_path / "the data")
    for expected in ("train", "export", "recommend"):
        words = shlex.split(done.err.splitlines()[-1].partition("next: ")[2])
        assert words[:2] == ["pocketrec", expected]
        if expected == "train":
            words += settings("training", "epochs=2", "batch_labels=128", "threads=1")
        if expected == "export":
            words += settings("export", "max_ndcg_loss=0.9", "min_overlap=0.1")
        if "--out" in words:  # it is relative
            words[words.index("--out") + 1] = str(tmp_path / words[words.index("--out") + 1])
        done = succeed(*words[1:])
    assert sku(0) in done.out


def test_verbose_tells_the_steps_and_quiet_nothing(fresh_shop, tmp_path):
    (tmp_path / "new.csv").write_text("id,tags\nnew,cold\n")
    words = ["add-items", fresh_shop.bundle, tmp_path / "new.csv", "--out", tmp_path / "bundle"]
    loud = succeed(*words, "--verbose").err.splitlines()
    assert len(loud) > 2
    assert "checking that old items keep their scores" in loud
    assert len(succeed(*words).err.splitlines()) == 1
    assert succeed(*words, "--quiet").err == ""


@pytest.mark.slow
def test_epochs_are_fields_for_machines(toml, tmp_path):
    succeed("prepare", toml, "--out", tmp_path / "data", "--quiet")
    words = ["train", toml, "--data", tmp_path / "data", "--out", tmp_path / "run"]
    words += settings("training", "epochs=2", "batch_labels=128", "threads=1")
    spoken = entries(succeed(*words, "--json", "--log-format", "json"))
    epochs = [entry for entry in spoken if "epoch" in entry]
    assert [entry["epoch"] for entry in epochs] == [1, 2]
    assert all(0 < entry["loss"] < 10 for entry in epochs)


@pytest.mark.parametrize("words", [["--quiet"], ["--log-format", "json"], []])
def test_errors_are_told_whatever_is_asked_for(shop, words):
    result = pocketrec("recommend", shop.bundle, "-k", 0, *words)
    assert result.code == 2
    (line,) = result.err.splitlines()
    if "json" in words:
        entry = json.loads(line)
        assert entry["level"] == "error"
        assert "k must be" in entry["message"]
    else:
        assert line.startswith("error: k must be")


def test_verbose_shows_where_an_error_comes_from(shop):
    result = pocketrec("recommend", shop.bundle, "-k", 0, "--verbose")
    assert "Traceback" in result.err
    # The innermost frame is the last one, whole and on a line of its own.
    where = [line for line in result.err.splitlines() if line.lstrip().startswith("File ")]
    assert "events.py" in where[-1]
    assert result.code == 2


def test_an_interruption_is_told(shop, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(recommend_verb, "split_names", stop)
    result = pocketrec("recommend", shop.bundle)
    assert (result.code, result.err) == (130, "error: interrupted\n")


@pytest.mark.parametrize("words", [[], ["--verbose"], ["--log-format", "json"]])
def test_a_defect_is_a_sentence_that_says_so_and_ends_with_1(shop, monkeypatch, words):
    def fail(*_):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(recommend_verb, "split_names", fail)
    result = pocketrec("recommend", shop.bundle, *words)
    assert result.code == 1
    assert "defect of pocketrec" in result.err
    assert "ZeroDivisionError: of ours" in result.err
    assert ("Traceback" in result.err) == ("--verbose" in words)


def test_warnings_of_the_runtime_are_notes(shop):
    words = ["recommend", shop.bundle, "--history", "nothing"]
    assert succeed(*words).err.startswith("note: 1 of 1 ids of history are unknown")
    first = entries(succeed(*words, "--log-format", "json"))[0]
    assert (first["level"], "unknown" in first["message"]) == ("warning", True)


def test_a_log_of_which_most_is_dropped_is_mentioned(toml, tmp_path):
    rows = [f"lonely {n},one-off {n},2026-02-01" for n in range(400)]
    log = tmp_path / "events.csv"
    log.write_text((toml.parent / "events.csv").read_text() + "\n".join(f"{r},app,1" for r in rows))
    words = ["--set", f"data.path={log}", "--set", f"data.items={toml.parent / 'products.csv'}"]
    result = succeed("prepare", toml, "--out", tmp_path / "data", *words)
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert any("of the items are dropped" in note and "data.min_" in note for note in notes)
    # And again by the run that finds nothing to do.
    again = succeed("prepare", toml, "--out", tmp_path / "data", *words)
    assert set(notes) <= set(again.err.splitlines())


@pytest.mark.slow
def test_a_model_that_is_worth_no_more_than_popularity_is_mentioned(tmp_path):
    toml = write_shop(tmp_path)
    succeed("prepare", toml, "--out", tmp_path / "data", "--quiet")
    words = ["train", toml, "--data", tmp_path / "data", "--quiet"]
    bad = settings("training", "epochs=1", "learning_rate=1e-9", "threads=1")
    bad += settings("model", "successors=0")
    result = succeed(*words, "--out", tmp_path / "bad", *bad)
    assert "is not above that of a list of popular items" in result.err
    good = settings("training", "epochs=8", "batch_labels=128", "learning_rate=0.004", "threads=1")
    assert succeed(*words, "--out", tmp_path / "good", *good).err == ""


def test_titles_cannot_steer_a_terminal(shop, tmp_path):
    evil = "\x1b]0;owned\x07\x1b[31mred\u202e"
    bundle = shutil.copytree(shop.bundle, tmp_path / "bundle")
    items = json.loads((bundle / "items.json").read_text())
    items[0]["title"] = evil
    (bundle / "items.json").write_text(json.dumps(items))
    sign(bundle)
    result = succeed("recommend", bundle, "-k", 25)
    assert not set("\x1b\x07\u202e") & set(result.out)
    assert "owned" in result.out
    as_json = succeed("recommend", bundle, "-k", 25, "--json")
    assert evil in {line["title"] for line in as_json.json}


def test_a_bundle_tells_no_user_and_no_place(fresh_shop):
    """For a shop whose TOML names a table of users, with a full path on the command line."""
    for name in ("manifest.json", "items.json"):
        text = (fresh_shop.bundle / name).read_text()
        assert "customer 1" not in text
        assert str(fresh_shop.folder) not in text
    manifest = json.loads((fresh_shop.bundle / "manifest.json").read_text())
    assert {"path", "items", "users"}.isdisjoint(manifest["config"]["data"])
    disclosed = manifest["disclosed"]
    assert disclosed["users"] == {"learned_from": 60}
    assert disclosed["items"]["ids"] == 25
    assert disclosed["successors"]["fewest_users"] >= 5
    assert disclosed["successors"]["of_one_user"] == 0
    assert set(manifest["provenance"]["data"]["counts"]) == {
        *("read", "kept", "items", "training_events", "cuts")
    }
