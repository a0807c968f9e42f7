"""A run's folder: finished, unfinished, damaged; and a run that is killed ends as if it was not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pocketrec.errors import ArtifactError
from pocketrec.models.recommender import RecommenderModel
from pocketrec.training.checkpoint import Position, load_checkpoint, save_checkpoint
from pocketrec.training.pipeline import is_finished
from pocketrec.training.run import Run
from pocketrec.training.step import make_optimizer
from support import SUPPORT
from support.patience import HANG_SECONDS
from support.small_world import (
    EVERY_STEP,
    MODEL,
    make_config,
    metrics_and_weights,
    prepare_world,
    run,
)

pytestmark = pytest.mark.slow  # it trains or converts


def steps_of(folder, data):
    steps = []
    run(data, folder, make_config(), on_progress=steps.append)
    return steps


def curve(folder):
    """Epochs of TensorBoard's points, as its page draws them."""
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [point.step for point in events.Scalars("loss")]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, steps_of(folder, data)


# Steps are those of the fixture's world: 3 epochs of 7 or so. fsync 1 is the manifest's.
DEATHS = [
    ("step", 1),
    ("step", 3),
    ("first step of epoch 2", 0),
    ("last step of epoch 2", -1),
    ("write", 1),
    ("write", 2),
    ("write", 6),
    ("write", 10),  # the first line of metrics.jsonl ...
    ("write", 11),  # ... and the checkpoint after it
]


@pytest.fixture(scope="module")
def killed(data, finished, tmp_path_factory):
    """For each death a folder as the killed process left it."""
    parent, steps = tmp_path_factory.mktemp("killed"), finished[1]
    second = [number for number, step in enumerate(steps, 1) if step.epoch == 2]
    arguments = []
    for how, number in DEATHS:
        if " of epoch" in how:
            arguments += [str(parent / how), "step", str(second[number])]
        else:
            arguments += [str(parent / f"{how} {number}"), how, str(number)]
    script = SUPPORT / "killed_training.py"
    subprocess.run(
        [sys.executable, script, data.folder, *arguments], check=True, timeout=HANG_SECONDS
    )
    return [Path(folder) for folder in arguments[::3]]


@pytest.mark.parametrize("death", range(len(DEATHS)), ids=[f"{h} {n}" for h, n in DEATHS])
def test_a_run_that_is_killed_ends_as_if_it_was_not(data, finished, killed, death):
    folder = killed[death]
    config = make_config()
    if (folder / "manifest.json").exists():
        assert not is_finished(folder, config, data)
        with pytest.raises(ArtifactError, match="--resume"):
            run(data, folder, config)
        with pytest.raises(ArtifactError, match="not finished"):
            Run.open(folder)
    done = []
    run(data, folder, config, resume=True, on_progress=done.append, save_seconds=EVERY_STEP)
    if DEATHS[death] == ("step", 3):
        assert len(done) == len(finished[1]) - 2  # the step that it died in is done again
    assert metrics_and_weights(folder) == metrics_and_weights(finished[0])
    assert curve(folder) == curve(finished[0]) == [1, 2, 3]
    assert is_finished(folder, config, data)
    assert torch.equal(Run.open(folder).model.table, Run.open(finished[0]).model.table)


def test_the_world_is_worth_killing(finished):
    steps = finished[1]
    assert {step.epoch for step in steps} == {1, 2, 3}
    assert steps[0].steps >= 4
    best, last = (load_file(finished[0] / f"checkpoints/{n}.safetensors") for n in ("best", "last"))
    assert set(best) == set(last)
    assert any(name.startswith("optimizer.exp_avg_sq.") for name in last)


def test_a_finished_run_opens_with_its_best_weights(data, finished):
    opened = Run.open(finished[0])
    assert opened.manifest.finished is True
    assert opened.config.model.dim == 16
    assert not opened.model.training
    assert opened.data_folder.resolve() == data.folder.resolve()
    assert opened.catalogue.equals(data.catalogue)
    assert opened.manifest.parameters == sum(p.numel() for p in opened.model.parameters())
    assert "folder" not in opened.manifest.provenance()["data"]
    assert is_finished(finished[0], make_config(), data)


@pytest.mark.parametrize("name", ["checkpoints/best.safetensors", "items.parquet"])
def test_a_finished_run_that_was_changed_is_refused(data, finished, tmp_path, name):
    folder = tmp_path / "run"
    shutil.copytree(finished[0], folder)
    content = bytearray((folder / name).read_bytes())
    content[-10] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match="changed or damaged"):
        Run.open(folder)
    with pytest.raises(ArtifactError, match="changed or damaged"):
        is_finished(folder, make_config(), data)


def test_a_folder_with_something_else_is_left_alone(data, finished, tmp_path):
    assert not is_finished(tmp_path / "new", make_config(), data)
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ArtifactError, match="no run folder"):
        is_finished(tmp_path, make_config(), data)
    for config in (make_config(seed=2), make_config({**MODEL, "dim": 20})):
        with pytest.raises(ArtifactError, match="another config or other data"):
            is_finished(finished[0], config, data)
    other = prepare_world(tmp_path / "other", seed=5)
    with pytest.raises(ArtifactError, match="another config or other data"):
        is_finished(finished[0], make_config(), other)


def test_hiding_seen_items_makes_another_run_of_the_same_sequences(data, finished, tmp_path):
    """What is best depends on it, and so does what is exported."""
    hidden = prepare_world(tmp_path, exclude_seen=True)
    assert hidden.fingerprint == data.fingerprint
    with pytest.raises(ArtifactError, match="another config or other data"):
        is_finished(finished[0], make_config(exclude_seen=True), hidden)


def test_a_place_where_nothing_can_be_written_is_named(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot write"):
        run(data, tmp_path / "file" / "run", make_config())


def small_model(seed=0):
    torch.manual_seed(seed)
    config = make_config().model
    model = RecommenderModel(5, config)
    return model, make_optimizer(model, make_config().training)


@pytest.fixture
def checkpoint(tmp_path):
    model, optimizer = small_model()
    model.cold_start.sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path / "last", model, optimizer, Position(epoch=1, step=2))
    return tmp_path / "last"


def test_a_checkpoint_restores_weights_optimizer_and_chance(checkpoint):
    expected = torch.rand(5)  # the first numbers after saving
    model, optimizer = small_model(seed=3)
    assert load_checkpoint(checkpoint, model, optimizer) == Position(epoch=1, step=2)
    assert torch.equal(torch.rand(5), expected)
    state = optimizer.state[model.cold_start]
    assert set(state) == {"step", "exp_avg", "exp_avg_sq"}
    assert (state["exp_avg"] != 0).all()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.9, 0.9999])
def test_a_damaged_checkpoint_is_refused(checkpoint, share):
    whole = checkpoint.read_bytes()
    place = int(len(whole) * share)
    changed = bytearray(whole)
    changed[place] ^= 4
    for content in (bytes(changed), whole[:place]):
        checkpoint.write_bytes(content)
        with pytest.raises(ArtifactError, match="checkpoint"):
            load_checkpoint(checkpoint, *small_model())


def test_a_checkpoint_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "none", *small_model())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 2),
        ("seed", 2),
        ("batch_labels", 60),
        ("learning_rate", 0.003),
        ("weight_decay", 0.5),
        ("warmup", 0.6),
        ("schedule", "constant"),
        ("gradient_clip", 0.01),
        ("validate_every", 2),
        ("patience", 1),
    ],
)
def test_each_field_of_training_has_an_effect(data, finished, tmp_path, field, value):
    falling = iter(range(0, -99, -1))
    validate = {"validate": lambda _: float(next(falling))} if field == "patience" else {}
    run(data, tmp_path / "run", make_config(**{field: value}), **validate)
    assert metrics_and_weights(tmp_path / "run")[0] != metrics_and_weights(finished[0])[0]


def test_threads_are_those_asked_for(data, tmp_path):
    before = torch.get_num_threads()
    try:
        run(data, tmp_path / "run", make_config(threads=2, epochs=1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
