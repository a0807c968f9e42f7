"""Two runs into one folder: the second is refused, and the first one goes on unharmed."""

import errno
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pocketrec.errors import ArtifactError
from pocketrec.storage.artifact import kind_of, open_manifest
from pocketrec.storage.draft import new_folder
from pocketrec.storage.lock import lock_folder
from support.small_shop import pocketrec, succeed
from support.tally import tried
from support.verb_words import words_of

HOLD = """
import sys
from pathlib import Path
from pocketrec.storage.lock import lock_folder
with lock_folder(Path(sys.argv[1]), Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held_elsewhere():
    """A function after which another process writes into a folder, until the test ends."""
    processes = []

    def hold(folder):
        words = [sys.executable, "-c", HOLD, folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(words, **pipes))
        assert processes[-1].stdout.readline() == "held\n"
        return processes[-1]

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("verb", ["prepare", "train", "export", "add-items"])
def test_the_second_run_is_refused_until_the_first_is_gone(
    shop, fresh_shop, tmp_path, held_elsewhere, verb
):
    place = tmp_path / "place"
    out = place / "out"
    words = words_of(verb, shop, fresh_shop, tmp_path, out)
    process = held_elsewhere(out if verb == "train" else place / ".out.part")
    result = pocketrec(*words)
    assert result.code == 2
    assert "another pocketrec is writing" in result.err
    assert str(out) in result.err
    tried("second runs", verb)
    process.kill()  # -9: the lock goes with it
    process.wait()
    if verb != "export":  # which takes long, and works alike
        succeed(*words)
        assert [path.name for path in place.iterdir()] == ["out"]


def test_of_many_at_once_one_writes_and_none_is_half(tmp_path):
    """Threads begin together, again and again; each is refused or has written all of its own."""
    out, barrier = tmp_path / "out", threading.Barrier(8)
    ends = []

    def write(number):
        barrier.wait()
        turn = 0
        while f"{number} written" not in ends or turn < 20:
            turn += 1
            try:
                with new_folder(out, "thing") as draft:
                    for name in "abc":
                        (draft.path / name).write_text(f"{number} {turn}")
                ends.append(f"{number} written")
            except ArtifactError as error:
                ends.append("refused" if "another pocketrec" in str(error) else str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if out.exists():
            try:
                open_manifest(out, "thing")
            except ArtifactError:
                # It was replaced while it was read: what is there now is whole.
                continue
    for thread in threads:
        thread.join()
    tried("second runs", "new_folder", ends.count("refused"))
    assert set(ends) == {"refused", *(f"{number} written" for number in range(8))}
    assert len({(out / name).read_text() for name in "abc"}) == 1
    open_manifest(out, "thing")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_takes_a_removed_drafts_place_is_another_runs(tmp_path, monkeypatch):
    remove = shutil.rmtree

    def let_another_begin(part, **options):
        monkeypatch.undo()
        remove(part, **options)
        part.mkdir()
        (part / "theirs").touch()

    monkeypatch.setattr(shutil, "rmtree", let_another_begin)
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", "thing"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == [".out.part", "theirs"]


def test_what_takes_the_place_of_a_draft_that_was_moved_is_another_runs(tmp_path, monkeypatch):
    def let_another_begin(path):
        if path == tmp_path:  # the last that is done, once the draft is in its place
            (tmp_path / ".out.part").mkdir()
            (tmp_path / ".out.part" / "theirs").touch()
            raise KeyboardInterrupt

    monkeypatch.setattr("pocketrec.storage.draft.flush", let_another_begin)
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", "thing"):
        pass
    assert (tmp_path / ".out.part" / "theirs").exists()
    assert kind_of(tmp_path / "out") == "thing"


def test_a_draft_is_removed_although_somebody_still_writes_into_it(tmp_path, monkeypatch):
    remove = shutil.rmtree

    def meet_a_writer(part, **options):
        monkeypatch.undo()
        remove(part / "sub", **options)

    monkeypatch.setattr(shutil, "rmtree", meet_a_writer)
    with suppress(KeyboardInterrupt), new_folder(tmp_path / "out", "thing") as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "late").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_locks_two_runs_do_not_mix(tmp_path, monkeypatch):
    monkeypatch.setattr("pocketrec.storage.lock._try_lock", lambda _: False)
    out = tmp_path / "out"
    with new_folder(out, "thing") as first:
        (first.path / "a").write_text("first")
        with new_folder(out, "thing") as second:
            (second.path / "b").write_text("second")
        assert set(open_manifest(out, "thing")["files"]) == {"b"}
        (first.path / "c").write_text("first")
    assert set(open_manifest(out, "thing")["files"]) == {"a", "c"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_run_goes_where_its_link_leads(shop, tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "large disk")
    succeed(*words_of("train", shop, shop, tmp_path, tmp_path / "run"))
    open_manifest(tmp_path / "large disk", "run")


def test_a_link_in_the_place_of_a_draft_is_not_emptied(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    (tmp_path / ".out.part").symlink_to(precious)
    with pytest.raises(ArtifactError, match="cannot write"), new_folder(tmp_path / "out", "thing"):
        pass
    assert (precious / "letter").read_text() == "dear"


def test_a_claim_ends_with_its_block(tmp_path):
    with lock_folder(tmp_path / "a", tmp_path / "a"):
        pass
    with (
        lock_folder(tmp_path / "a", tmp_path / "a"),
        pytest.raises(ArtifactError, match="another"),
        lock_folder(tmp_path / "a", tmp_path / "a"),
    ):
        pass


def test_a_folder_that_another_run_moved_and_a_third_made_again_is_locked(tmp_path, monkeypatch):
    """What `mkdir` raises when the folder is gone between its two looks at it."""
    mkdir = Path.mkdir

    def lose_a_race(path, **_):
        monkeypatch.undo()
        mkdir(path)
        raise FileExistsError(errno.EEXIST, "File exists", str(path))

    monkeypatch.setattr(Path, "mkdir", lose_a_race)
    with lock_folder(tmp_path / "out", tmp_path / "out") as locked:
        assert locked


@pytest.mark.parametrize("name", ["file", "link", "link/out"])
def test_what_is_in_the_way_of_a_folder_is_told(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with (
        pytest.raises(ArtifactError, match=f"cannot write '{tmp_path / name}': File exists"),
        lock_folder(tmp_path / name, tmp_path / name),
    ):
        pass
