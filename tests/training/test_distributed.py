"""Two workers, started by torchrun, end where one does; and one that is killed is not missed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from small_world import MODEL, TRAINING, make_config, run

from pocketrec.artifact import open_manifest
from pocketrec.cli.train import make_score
from pocketrec.models.scorer import ModelScorer
from pocketrec.training.distributed import ALONE
from small_shop import succeed

SCRIPT = Path(__file__).with_name("train_together.py")
# No transformer: the gradient of attention's key bias is rounding alone, of which Adam makes steps.
GRU = {"encoder": "gru", "dim": 16, "max_length": 6, "dropout": 0.0, "item_dropout": 0.0}
RUNS = {
    "softmax": (GRU, {}),
    "sampled_softmax": (GRU, {"loss": "sampled_softmax", "negatives": 6}),
    "in_batch": (GRU, {"loss": "in_batch"}),
    "whole": (MODEL, {}),
}
"""Settings of [model] and [training]; of the last run, with dropout, the rest is in world.toml."""


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
    """Have two workers run a script; gives its code, and what it and they said."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


def train_words(world, data, name):
    return ["train", world / "world.toml", "--data", data.folder, "--out", world / name]


@pytest.fixture(scope="module")
def trained(world, data):
    """The folder, after two workers have made all runs."""
    plans = [
        json.dumps({"folder": str(world / name), "model": model, "training": training})
        for name, (model, training) in RUNS.items()
    ]
    done = torchrun(SCRIPT, "runs", data.folder, *plans)
    assert done.returncode == 0, done.stderr
    return world


def weights(folder, name):
    return load_file(folder / "checkpoints" / f"{name}.safetensors")


def metrics(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    timed = ("labels_per_second", "seconds")
    return [{k: v for k, v in line.items() if k not in timed} for line in lines]


@pytest.mark.parametrize("name", [name for name in RUNS if name != "whole"])
def test_two_workers_end_with_the_weights_of_one(data, trained, name):
    alone = trained / f"{name} alone"
    config = make_config(RUNS[name][0], **RUNS[name][1])
    score = make_score(config, data, ALONE)
    run(data, alone, config, validate=lambda model: score(ModelScorer(model)))
    for file in ("best", "last"):
        found, expected = weights(trained / name, file), weights(alone, file)
        for key in (key for key in expected if key.startswith("model.")):
            assert (found[key] - expected[key]).abs().max() < 1e-5, key
    for line, same in zip(metrics(trained / name), metrics(alone), strict=True):
        assert line == pytest.approx(same, rel=1e-6)


def test_a_run_goes_on_after_a_worker_was_killed(trained, data):
    """To the very weights of a run that nobody disturbed; with fewer workers, to others."""
    done = torchrun(SCRIPT, "kill", 1, 10, *train_words(trained, data, "killed"))
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "--resume" in errors[0]
    assert "worker" in errors[0]
    assert "defect" not in errors[0]
    assert "pocketrec" not in done.stderr.partition(errors[0])[2]  # no traceback of ours
    shutil.copytree(trained / "killed", trained / "alone")
    done = torchrun("-m", "pocketrec", *train_words(trained, data, "killed"), "--resume")
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("epoch")]) == 2
    assert len(done.stdout.splitlines()) == 1  # the lead's
    for file in ("best", "last"):
        found, expected = (weights(trained / name, file) for name in ("killed", "whole"))
        assert set(found) == set(expected) > {"random_state", "random_state.1"}
        assert all((found[key] == expected[key]).all() for key in expected)
    assert metrics(trained / "killed") == metrics(trained / "whole")
    succeed(*train_words(trained, data, "alone"), "--resume")
    prints = [open_manifest(trained / n, "run")["fingerprint"] for n in ("killed", "alone")]
    assert prints[0] == prints[1]
