"""Folders appear whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from pocketrec.errors import ArtifactError
from pocketrec.storage.artifact import (
    open_manifest,
    read_checked,
    write_atomically,
)
from pocketrec.storage.draft import check_replaceable, new_folder
from support.small_artifacts import make, names


def test_an_artifact_has_its_files_and_a_manifest(tmp_path):
    out = make(tmp_path / "deep" / "out")
    manifest = open_manifest(out, "thing")
    assert manifest["words"] == ["é", 1.5, None]
    assert set(manifest["files"]) == {"a.txt", "sub/b.bin"}
    assert manifest["files"]["a.txt"]["bytes"] == 3
    assert names(tmp_path / "deep") == ["out"]
    assert read_checked(out, manifest, "a.txt", 1000) == b"old"


def begin_and_raise(out, error):
    with new_folder(out, "thing") as draft:
        (draft.path / "a.txt").write_text("new")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_writer_that_raises_leaves_nothing_and_keeps_the_old(tmp_path, error):
    for before in ([], ["out"]):
        if before:
            make(tmp_path / "out")
        with pytest.raises(error):
            begin_and_raise(tmp_path / "out", error)
        assert names(tmp_path) == before
    open_manifest(tmp_path / "out", "thing")
    assert (tmp_path / "out" / "a.txt").read_text() == "old"


def test_a_killed_writer_keeps_the_old(tmp_path):
    out = make(tmp_path / "out")
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from pocketrec.storage.draft import new_folder\n"
        "with new_folder(Path(sys.argv[1]), 'thing') as draft:\n"
        "    (draft.path / 'a.txt').write_text('new')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], check=False)
    assert done.returncode == -signal.SIGKILL
    open_manifest(out, "thing")
    assert (out / "a.txt").read_text() == "old"
    make(out, "newer")
    assert (out / "a.txt").read_text() == "newer"


def test_an_error_of_the_system_is_one_sentence_that_names_its_file(tmp_path):
    with (
        pytest.raises(ArtifactError, match=r"out' was not written.*missing"),
        new_folder(tmp_path / "out", "thing"),
    ):
        (tmp_path / "missing" / "file").read_text()
    with (
        pytest.raises(ArtifactError, match="out' was not written: a library's own words"),
        new_folder(tmp_path / "out", "thing"),
    ):
        raise OSError("a library's own words")
    assert names(tmp_path) == []


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot write"), new_folder(tmp_path / "file/x", "k"):
        pass
    with pytest.raises(ArtifactError, match="cannot write"):
        write_atomically(tmp_path / "file" / "x", b"")


def test_a_newer_artifact_replaces_the_older_wholly(tmp_path):
    out = make(tmp_path / "out")
    with new_folder(out, "thing") as draft:
        (draft.path / "c.txt").write_text("new")
    assert names(out) == ["c.txt", "manifest.json"]
    assert names(tmp_path) == ["out"]


def test_what_somebody_put_into_an_artifact_is_not_lost(tmp_path):
    out = make(tmp_path / "out")
    (out / "sub" / "letter.txt").write_text("dear")
    sentence = "holds 'sub/letter.txt', which is not a file of the thing"
    with pytest.raises(ArtifactError, match=sentence):
        make(out, "new")
    assert (out / "a.txt").read_text() == "old"
    assert (out / "sub" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("there", [False, True])
def test_what_appears_while_it_is_written_is_not_lost(tmp_path, there):
    out = tmp_path / "out"
    if there:
        make(out)

    def write():
        with new_folder(out, "thing") as draft:
            (draft.path / "a.txt").write_text("new")
            out.mkdir(exist_ok=True)
            (out / "letter.txt").write_text("dear")

    with pytest.raises(ArtifactError, match="give another folder"):
        write()
    assert (out / "letter.txt").read_text() == "dear"
    assert names(tmp_path) == ["out"]


def test_a_folder_that_has_a_drafts_name_is_left_alone(tmp_path):
    mine = tmp_path / ".out.part"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(ArtifactError, match="is in the way"):
        make(tmp_path / "out")
    assert (mine / "letter.txt").read_text() == "dear"


def test_names_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="not UTF-8"):
        make(tmp_path / os.fsdecode(b"d\xff"))
    assert names(tmp_path) == []


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    open_manifest(tmp_path / "out", "thing")


def foreign_file(out):
    out.write_text("mine")


def foreign_folder(out):
    out.mkdir()
    (out / "mine.txt").write_text("mine")


def foreign_artifact(out):
    make(out, kind="other")


def foreign_manifest(out):
    out.mkdir()
    (out / "manifest.json").write_text('{"kind": ["thing"]}')


def dangling_link(out):
    out.symlink_to(out.parent / "nowhere")


@pytest.mark.parametrize(
    "foreign", [foreign_file, foreign_folder, foreign_artifact, foreign_manifest, dangling_link]
)
def test_what_is_not_ours_is_not_overwritten(tmp_path, foreign):
    out = tmp_path / "out"
    foreign(out)
    work = []
    with (
        pytest.raises(ArtifactError, match="is no thing folder: give another folder"),
        new_folder(out, "thing"),
    ):
        work.append("begun")
    assert work == []
    assert names(tmp_path) == ["out"]
    assert out.is_symlink() or out.is_file() or "a.txt" in names(out) or len(names(out)) == 1
    with pytest.raises(ArtifactError):
        check_replaceable(out, "thing")


def test_an_atomic_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
