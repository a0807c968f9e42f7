"""Two workers, started by torchrun, end where one does; and one that is killed is not missed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from pocketrec.storage.artifact import open_manifest
from support import SUPPORT
from support.distributed_training import train_one
from support.patience import HANG_SECONDS
from support.small_world import MODEL, TRAINING

pytestmark = pytest.mark.slow  # it trains or converts

SCRIPT = SUPPORT / "distributed_training.py"
# No transformer: the gradient of attention's key bias is rounding alone, of which Adam makes steps.
GRU = {"encoder": "gru", "dim": 16, "max_length": 6, "dropout": 0.0, "item_dropout": 0.0}
RUNS = {
    "softmax": (GRU, {}),
    "sampled_softmax": (GRU, {"loss": "sampled_softmax", "negatives": 6}),
    "in_batch": (GRU, {"loss": "in_batch"}),
    "rounds": (GRU, {"round_events": 1}),
    "left by one": (GRU, {}),
    "left by two": (GRU, {}),
    "whole": (MODEL, {}),
}
"""Settings of [model] and [training]; the last has dropout, and the settings of world.toml."""
SAME_AS = {"left by one": "softmax", "left by two": "softmax"}
"""Runs that end as others do which nobody left."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder for runs with a TOML in it."""
    folder = tmp_path_factory.mktemp("together")
    data = {"path": "events.csv", "exclude_seen": False, "repeats": "all"}
    lines = []
    for name, table in {"data": data, "model": MODEL, "training": TRAINING}.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    (folder / "world.toml").write_text("\n".join(lines))
    return folder


def torchrun(*words):
    """Have two workers run the script, once more if one dies; gives what all of them said."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, "--max-restarts", "1", SCRIPT, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def plan(world, name, stop=0):
    model, training = RUNS[name]
    return {"folder": str(world / name), "model": model, "training": training, "stop": stop}


@pytest.fixture(scope="module")
def trained(world, data):
    """The folder, after two workers have made all runs."""
    train_one(data, **plan(world, "left by one", stop=10))
    plans = [plan(world, name, stop=10 if name == "left by two" else 0) for name in RUNS]
    torchrun("runs", data.folder, *map(json.dumps, plans))
    train_one(data, **plan(world, "left by two"))
    return world


def weights(folder, name):
    return load_file(folder / "checkpoints" / f"{name}.safetensors")


def metrics(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    timed = ("labels_per_second", "seconds")
    return [{k: v for k, v in line.items() if k not in timed} for line in lines]


@pytest.mark.parametrize("name", [name for name in RUNS if name != "whole"])
def test_two_workers_end_with_the_weights_of_one(data, trained, name):
    """Also when one leaves a run in the middle and two finish it, and the other way round."""
    alone = plan(trained, SAME_AS.get(name, name))
    alone["folder"] += " alone"
    train_one(data, **alone)
    one, two = Path(alone["folder"]), trained / name
    for file in ("best", "last"):
        actual, expected = weights(two, file), weights(one, file)
        for key in (key for key in expected if key.startswith("model.")):
            assert (actual[key] - expected[key]).abs().max() < 1e-5, key
    assert len(metrics(one)) == 3
    for line, same in zip(metrics(two), metrics(one), strict=True):
        assert line == pytest.approx(same, rel=1e-6)
    prints = [open_manifest(folder, "run")["fingerprint"] for folder in (one, two)]
    assert prints[0] == prints[1]


def test_a_run_goes_on_after_a_worker_was_killed(trained, data):
    """To the very weights of a run that nobody disturbed, dropout included."""
    words = ["train", trained / "world.toml", "--data", data.folder, "--out", trained / "killed"]
    done = torchrun("kill", 1, 10, *words, "--resume")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr  # the survivor's
    assert "another worker is gone" in errors[0]
    assert "--resume" in errors[0]
    assert "Traceback" not in done.stderr
    epochs = [line for line in done.stderr.splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in epochs] == ["1", "2", "3"]  # the lead's, once
    assert len(done.stdout.splitlines()) == 1
    for file in ("best", "last"):
        actual, expected = (weights(trained / name, file) for name in ("killed", "whole"))
        assert set(actual) == set(expected) > {"random_state", "random_state.1"}
        assert all((actual[key] == expected[key]).all() for key in expected)
    assert metrics(trained / "killed") == metrics(trained / "whole")
