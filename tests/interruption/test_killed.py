"""Kill -9 at any moment: there is the old artifact or the new one, and the next run is whole."""

import json
import random
import shutil
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from pocketrec.bundle.folder import open_bundle
from pocketrec.storage.artifact import kind_of, open_manifest
from support import SUPPORT
from support.folders import lasting_files
from support.small_shop import QUICK, settings, succeed
from support.tally import FACTOR, TALLY, tried
from support.verb_words import words_of

KILLS = {"prepare": 4, "train": 4, "export": 3, "add-items": 3}
"""Of each kind: before a touch of a file, and after a time. `make fuzz`: FACTOR times as many."""


@pytest.fixture(scope="module")
def deaths():
    """A function that runs commands in a process which kills them; see killed_verbs.py."""
    command = [sys.executable, "-m", "support.killed_verbs"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=SUPPORT.parent, **pipes) as process:

        def die(words, folder, **when) -> int:
            plan = {"words": [*map(str, words)], "folder": str(folder), **when}
            process.stdin.write(json.dumps(plan) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"{plan} did not end as it should"
            return int(line)

        yield die
        process.stdin.close()


def moments(die, words, folder, count):
    """When to kill: before touches of a number, all over the command, and after times."""
    draw = random.Random(1 if FACTOR == 1 else None)
    die(words, folder, event=0)  # what is made once and remembered takes no part in the time
    shutil.rmtree(folder)
    folder.mkdir()
    begin = time.monotonic()
    touches = die(words, folder, event=0)
    took = time.monotonic() - begin
    assert touches > 5
    for _ in range(count):
        yield {"event": draw.randint(1, touches)}
        yield {"seconds": draw.uniform(0, took)}


def older(verb, fresh_shop, out):
    """Put an artifact of the same kind, and other content, where the new one is to be."""
    shutil.copytree(fresh_shop.data if verb == "prepare" else fresh_shop.bundle, out)


@pytest.mark.parametrize("before", ["nothing", "an older one"])
@pytest.mark.parametrize("verb", ["prepare", "export", "add-items"])
def test_an_artifact_is_the_old_one_or_the_new_one(
    deaths, shop, fresh_shop, tmp_path, verb, before
):
    place = tmp_path / "place"
    out = place / "out"
    words = words_of(verb, shop, fresh_shop, tmp_path, out)
    place.mkdir()
    ends = {"old": 0, "new": 0}
    for when in moments(deaths, words, place, KILLS[verb] * FACTOR // 2):
        shutil.rmtree(place)
        place.mkdir()
        if before != "nothing":
            older(verb, fresh_shop, out)
        old = lasting_files(place)
        died = deaths(words, place, **when)
        tried("kills", verb, died == 0)
        if lasting_files(out) == {n.removeprefix("out/"): d for n, d in old.items()}:
            ends["old"] += 1
        else:
            assert kind_of(out) == ("prepared" if verb == "prepare" else "bundle"), when
            open_manifest(out, kind_of(out))
            ends["new"] += 1
            if verb != "prepare":
                open_bundle(out)
        assert {path.name for path in place.iterdir()} <= {"out", ".out.part"}
    # The next run takes no notice, and removes what the killed one has left.
    assert deaths(words, place, event=0) > 0
    assert [path.name for path in place.iterdir()] == ["out"]
    open_manifest(out, kind_of(out))
    assert ends["old"] > 0


def test_a_training_that_is_killed_ends_in_the_same_weights(deaths, shop, tmp_path):
    def words(out):
        training = settings("training", *QUICK, "epochs=4")
        return ["train", shop.toml, "--data", shop.data, "--out", out, "--resume", *training]

    whole = tmp_path / "whole"
    kills = list(moments(deaths, words(whole), whole, KILLS["train"] * FACTOR))
    expected = lasting_files(whole)
    for number, when in enumerate(kills):
        out = tmp_path / f"run-{number}"
        died = deaths(words(out), out, **when)
        tried("kills", "train", died == 0)
        succeed(*words(out))
        assert lasting_files(out) == expected, when
        names = {path.name for path in out.rglob("*")}
        assert not [name for name in names if name.endswith(".part")]
        shutil.rmtree(out)
    best = load_file(whole / "checkpoints" / "best.safetensors")
    assert all(torch.isfinite(weights).all() for weights in best.values())


@pytest.mark.skipif(FACTOR < 15, reason="make fuzz kills often, this run a few times")
@pytest.mark.parametrize("verb", list(KILLS))
def test_each_stage_was_killed_fifty_times(verb):
    """Last in this file. A kill before a touch always counts; one after a time, only if the command
    still ran."""
    assert TALLY["kills", verb] >= 50
