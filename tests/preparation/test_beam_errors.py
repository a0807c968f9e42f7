"""What is wrong with a log or an option is one sentence, from either engine."""

import re
from pathlib import Path

import pytest

from pocketrec.errors import EngineError
from pocketrec.preparation import survey
from pocketrec.preparation.engines.runner import read_options, run_quietly
from pocketrec.preparation.engines.scratch import beam_engine
from pocketrec.preparation.engines.step import Step
from support.small_logs import some_rows
from support.small_shop import pocketrec
from support.two_engines import frame, people


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("who,what,when\na,1,1\na,,2\n", "'what' is not usable in 1 of 2 rows"),
        ("who,what,when\na,1,1\na,1,2,3\n", "log.csv line 3 has 4 fields, but its header has 3"),
        ("who,what,when\na,1,1\na,1,1\n", "the log has one user only"),
    ],
)
def test_what_is_wrong_with_a_log_is_the_same_sentence(tmp_path, text, words):
    (tmp_path / "log.csv").write_text(text)
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "log.csv"\nuser = "who"\nitem = "what"\ntime = "when"\n'
    )
    command = ["prepare", tmp_path / "log.toml", "--out", tmp_path / "out"]
    local, other = pocketrec(*command), pocketrec(*command, "--engine", "beam")
    assert (other.code, other.out) == (2, "")
    assert words in other.err
    assert other == local
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "log.toml"]


def test_users_without_any_row_are_refused(tmp_path):
    (tmp_path / "log.toml").write_text(people(tmp_path, a="id,age,hobbies\n"))
    result = pocketrec("prepare", tmp_path / "log.toml", "--out", tmp_path / "out")
    assert (result.code, "data.users = 'people' has no rows" in result.err) == (2, True)


def test_a_bad_value_is_named_by_its_file(tmp_path):
    (tmp_path / "a.csv").write_text("who,what,when\na,1,1\na,2,2\n")
    (tmp_path / "b.csv").write_text("who,what,when\na,,1\n")
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "*.csv"\nuser = "who"\nitem = "what"\ntime = "when"\n'
    )
    result = pocketrec("prepare", tmp_path / "log.toml", "--out", tmp_path / "out")
    assert "in 1 of 3 rows; the first is row 1 of b.csv, which has nothing" in result.err


def test_data_that_are_elsewhere_are_not_trained_on(shop_toml, tmp_path):
    result = pocketrec("train", shop_toml, "--data", "gs://b/x", "--out", tmp_path / "run")
    assert (result.code, result.out) == (2, "")
    assert "--data 'gs://b/x' is elsewhere: copy it here first" in result.err


def test_an_id_that_stands_twice_is_found_in_its_bucket(tmp_path):
    frame(some_rows(300)).write_csv(tmp_path / "log.csv")
    (tmp_path / "people.csv").write_text("id,age\n" + "7,1\n" * 2)
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "log.csv"\nuser = "who"\nitem = "what"\ntime = "when"\nbuckets = 2\n'
        'users = "people.csv"\n[features]\nuser = { age = "number" }\n'
    )
    command = ["prepare", tmp_path / "log.toml", "--out", tmp_path / "out"]
    local, other = pocketrec(*command), pocketrec(*command, "--engine", "beam")
    assert "holds the id 7 more than once (2 such rows)" in local.err
    assert other == local


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--no-such-option", "5"], "No such option: --no-such-option; --help tells"),
        (["more"], "Got unexpected extra argument (more)"),
        (["--runner", "FlinkRunner"], "--runner has no effect without --engine beam"),
        (["--scratch", "there"], "--scratch has no effect without --engine beam"),
        (["--engine", "spark"], "spark"),
        (["--engine", "beam", "--runner", "NoRunner"], "Beam's NoRunner failed"),
        (["--engine", "beam", "--", "--no_such_option", "5"], "no such option: --no_such_option"),
        (
            ["--engine=beam", "--", "--runner=PortableRunner", "--job_endpoint=localhost:1"],
            "localhost:1",
        ),
        (["--engine", "beam", "stray"], "Got unexpected extra argument (stray)"),
        (["--engine", "beam", "--", "--runner=FnApiRunner", "stray"], "extra argument (stray)"),
        (["--engine", "beam", "--", "--project", "x", "stray"], "extra argument (stray)"),
        (
            ["--engine", "beam", "--project", "x"],
            "No such option: --project; Beam's options come after --",
        ),
        (["--", "--project", "x"], "extra argument (--project)"),
        (["--engine", "beam", "--scratch", __file__], "give --scratch a folder"),
        (["--engine", "beam", "--out", "memory://bucket"], "give --scratch a place beside it"),
        (["--engine", "beam", "--", "--flink_version", "0.1"], "Beam refuses its options (arg"),
        (["--set", "data.path=s3://nobody/log.csv"], "needs a package that is not installed"),
        (
            ["--set", "data.path=nowhere://a/log.csv"],
            "begins with nowhere://, which fsspec does not know",
        ),
        (["--set", "data.path=memory://none/*.csv"], "no data file at 'memory://none/*.csv'"),
        (["--set", "data.path=file:///none/log.csv"], "no data file at '/none/log.csv'"),
        (["--set", "data.items=memory://none/i.csv"], "correct data.items"),
    ],
)
def test_what_cannot_be_is_one_sentence(shop_toml, tmp_path, words, sentence):
    result = pocketrec("prepare", shop_toml, "--out", tmp_path / "out", "--quiet", *words)
    assert (result.code, result.out) == (2, "")
    (line,) = (line for line in result.err.splitlines() if line.startswith("error: "))
    assert sentence in line
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


@pytest.mark.parametrize("engine", ["local", "beam"])
def test_an_option_before_the_toml_is_not_taken_for_it(shop_toml, tmp_path, engine):
    words = ["prepare", "--project", "x", shop_toml, "--out", tmp_path / "out", "--engine", engine]
    result = pocketrec(*words)
    assert result.code == 2
    assert "No such option: --project" in result.err
    assert ("Beam's options come after --" in result.err) == (engine == "beam")


@pytest.mark.parametrize("scratch", [None, "there"])
def test_workers_are_told_of_folders_from_the_root_on(tmp_path, monkeypatch, caplog, scratch):
    """They are processes in folders of their own."""
    monkeypatch.chdir(tmp_path)
    words = ["--runner=PortableRunner"]
    with beam_engine(Path("out"), scratch, words, lambda _: None) as engine:
        assert engine.scratch.is_absolute()
        assert engine.scratch.is_dir()
    assert not engine.scratch.exists()
    shared = tmp_path if scratch is None else tmp_path / scratch
    assert f"must reach the folder '{shared}'" in caplog.text


def test_an_option_that_beam_does_not_know_is_mentioned(caplog):
    read_options(["--runner=PortableRunner", "--no_such_option=5"])
    assert "Beam does not know the option --no_such_option" in caplog.text


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("Traceback\n  File 'x'\nKeyboardInterrupt\n", KeyboardInterrupt, "^KeyboardInterrupt"),
        (
            "Traceback\n  File 'x'\nValueError: bad KeyboardInterrupt\n>",
            EngineError,
            ": ValueError: bad",
        ),
        ("", EngineError, r"\(RuntimeError: RuntimeError\)"),
    ],
)
def test_of_a_traceback_the_last_line_is_told(tmp_path, text, error, words):
    step, options = Step(str(tmp_path)), read_options([])
    with pytest.raises(error) as caught, run_quietly(step, options):
        raise RuntimeError(text)
    assert re.search(words, f"{caught.type.__name__}: {caught.value}")
    assert "Traceback" not in str(caught.value)


def test_a_defect_in_a_worker_is_told_without_its_traceback(shop_toml, tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "count_items", lambda *_, **__: 1 / 0)
    result = pocketrec("prepare", shop_toml, "--out", tmp_path / "out", "--engine", "beam")
    assert result.code == 2
    assert "Beam's FnApiRunner failed" in result.err
    assert len(result.err.splitlines()) == 1
