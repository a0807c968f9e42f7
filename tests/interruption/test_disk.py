"""A disk that is full and a folder that is read-only: one sentence, and nothing broken."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from pocketrec.export import build
from pocketrec.storage.artifact import kind_of, open_manifest
from support.folders import lasting_files
from support.small_shop import Result, convert_shop, pocketrec, succeed
from support.tally import tried
from support.verb_words import words_of


@pytest.fixture(autouse=True)
def _convert_once(monkeypatch):
    monkeypatch.setattr(build, "convert", convert_shop)


VERBS = ["prepare", "train", "export", "add-items"]
SIZES = {
    # Kilobytes of a disk on which it fails early, and late.
    "prepare": (4, 16, 32),
    "train": (4, 200),
    "export": (40,),
    "add-items": (4, 24, 40),
}


@contextmanager
def mounted(folder, *options):
    """A small disk of its own at a folder."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from pocketrec.cli.main import main
main()
"""
"""A command whose process may write no file of more bytes; where nothing can be mounted."""


def refused(result, *parts):
    assert result.code == 2, result
    sentences = [line for line in result.err.splitlines() if not line.startswith("epoch")]
    assert len(sentences) == 1, result.err
    assert sentences[0].startswith("error: ")
    assert all(part in sentences[0] for part in parts), sentences


@pytest.mark.parametrize(("verb", "size"), [(verb, size) for verb in VERBS for size in SIZES[verb]])
def test_a_full_disk_is_told_and_leaves_nothing_half(shop, fresh_shop, tmp_path, verb, size):
    with mounted(tmp_path / "disk", f"size={size}k") as disk:
        out = disk / "out"
        words = words_of(verb, shop, fresh_shop, tmp_path, out)
        refused(pocketrec(*words), "No space left", "out")
        if verb == "train":
            assert kind_of(out) in (None, "run")
        else:
            assert list(disk.iterdir()) == []
        tried("full disks", verb)
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        succeed(*words, *(["--resume"] if verb == "train" else []))
        open_manifest(out, kind_of(out))


@pytest.mark.parametrize("verb", ["prepare", "export", "add-items"])
def test_a_full_disk_keeps_the_older_artifact(shop, fresh_shop, tmp_path, verb):
    old = {"prepare": fresh_shop.data}.get(verb, fresh_shop.bundle)
    size = sum(file.stat().st_size for file in old.rglob("*") if file.is_file()) // 1024 + 60
    with mounted(tmp_path / "disk", f"size={size}k") as disk:
        out = disk / "out"
        shutil.copytree(old, out)
        before = lasting_files(disk)
        room = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 8192))
        refused(pocketrec(*words_of(verb, shop, fresh_shop, tmp_path, out)), "No space left")
        (disk / "filler").unlink()
        assert lasting_files(disk) == before
        tried("full disks", verb)


@pytest.mark.parametrize("verb", ["prepare", "add-items"])
def test_a_file_that_may_not_grow_is_told(shop, fresh_shop, tmp_path, verb):
    out = tmp_path / "place" / "out"
    words = [*map(str, words_of(verb, shop, fresh_shop, tmp_path, out))]
    command = [sys.executable, "-c", LIMITED, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    refused(Result(done.returncode, done.stdout, done.stderr), "was not written")
    assert list(out.parent.iterdir()) == []
    tried("full disks", verb)
    succeed(*words)


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_that_is_read_only_is_told(shop, fresh_shop, tmp_path, verb):
    with mounted(tmp_path / "disk", "ro") as disk:
        words = words_of(verb, shop, fresh_shop, tmp_path, disk / "out")
        refused(pocketrec(*words), "out", "Read-only")
        tried("read-only folders", verb)
