"""The loop: schedule, clipping, early stopping, and worlds whose answer is known."""

import itertools
import math

import numpy as np
import pytest
import torch

from pocketrec.config.encoders import ENCODERS
from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.errors import ConfigError, DataError
from pocketrec.models.encoders import encoder_class
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.training import loop
from pocketrec.training.batches import Batches
from pocketrec.training.loop import train_model
from pocketrec.training.step import learning_rate, make_optimizer, train_step
from support.small_world import judge

PAIRS = 6


def make_sequences(rows):
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return Sequences(np.concatenate(rows).astype(np.int32), offsets)


def rising():
    """A validation that calls each epoch better than the one before."""
    scores = itertools.count()
    return lambda _: float(next(scores))


def learn(folder, rows, items, *, model=None, validate=lambda _: 0.0, **training):
    """Train on rows of items; give the model, the last position and the epochs' metrics."""
    fields = {"encoder": "transformer", "dim": 16, "max_length": 8, "dropout": 0.0}
    config = TrainingConfig(**{"batch_labels": 16, "epochs": 2, "learning_rate": 0.02} | training)
    torch.manual_seed(0)
    recommender = RecommenderModel(items, ModelConfig(**fields | (model or {})))
    batches = Batches(make_sequences(rows), max_length=8, batch_labels=config.batch_labels, seed=1)
    epochs = []
    position = train_model(recommender, batches, validate, config, folder, on_epoch=epochs.append)
    return recommender, position, epochs


@pytest.mark.parametrize("encoder", ENCODERS)
def test_who_sees_a_always_sees_b_next(tmp_path, encoder):
    """Six pairs A, B; nothing else happens. The loss that is left is log 12 for first events."""
    rows = [[a, a + PAIRS] for a in range(1, PAIRS + 1)] * 4
    quick = {"epochs": 25, "model": {"encoder": encoder, "item_dropout": 0.0}}
    model, _, epochs = learn(tmp_path, rows, 2 * PAIRS, validate=rising(), **quick)
    assert epochs[-1].loss < 0.7 * epochs[0].loss
    scores = ModelScorer(model)([np.array([a], np.int32) for a in range(1, PAIRS + 1)])
    assert (scores.argmax(1) + 1).tolist() == [a + PAIRS for a in range(1, PAIRS + 1)]


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if encoder_class(name).sees_order])
def test_a_circle_is_learned_at_every_length(tmp_path, encoder):
    """Items follow each other in a circle, so the newest event alone says what is next."""
    items = 7
    rows = [[(start + i) % items + 1 for i in range(12)] for start in range(items)] * 3
    quick = {"epochs": 15, "model": {"encoder": encoder, "item_dropout": 0.0}}
    model, position, epochs = learn(tmp_path, rows, items, validate=rising(), **quick)
    assert position.best_epoch == 15
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    histories = [np.array(rows[2][:n], np.int32) for n in range(1, 12)]
    assert (ModelScorer(model)(histories).argmax(1) + 1).tolist() == rows[2][1:12]


def test_without_history_the_popular_come_first(tmp_path):
    rows = [[1, 1, 1, 2], [1, 2, 1, 1], [1, 2, 3, 1]] * 6
    model, _, _ = learn(tmp_path, rows, 3, validate=rising(), epochs=25)
    scores = ModelScorer(model)([np.array([], np.int32)])[0]
    assert scores.argsort()[::-1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("schedule", "warmup", "progress", "share"),
    [
        ("cosine", 0.1, 0.05, 0.5),
        ("cosine", 0.1, 0.1, 1.0),
        ("cosine", 0.1, 0.55, 0.505),
        ("cosine", 0.1, 1.0, 0.01),
        ("cosine", 0.0, 0.0, 1.0),
        ("constant", 0.1, 0.05, 0.5),
        ("constant", 0.1, 0.7, 1.0),
        ("constant", 0.0, 1.0, 1.0),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, warmup, progress, share):
    config = TrainingConfig(schedule=schedule, warmup=warmup, learning_rate=0.02)
    assert learning_rate(config, progress) == pytest.approx(0.02 * share, rel=1e-6)


def test_the_first_step_learns_a_little():
    config = TrainingConfig(warmup=0.5, learning_rate=0.02)
    assert 0 < learning_rate(config, 0.0) < learning_rate(config, 0.01) < 0.02


ROWS = [[1, 2, 3, 4], [4, 3, 2, 1, 2, 3], [2, 2, 1]] * 3


def one_batch():
    batches = Batches(make_sequences(ROWS), max_length=8, batch_labels=1000, seed=1)
    return next(iter(batches.epoch(0)))


@pytest.mark.parametrize("clip", [0.01, 0.1, 1e6])
def test_gradients_are_clipped_to_the_norm_asked(clip):
    torch.manual_seed(0)
    model = RecommenderModel(4, ModelConfig(dim=16, max_length=8))
    train_step(model, make_optimizer(model, TrainingConfig()), one_batch(), clip)
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    assert norm == pytest.approx(clip, rel=1e-3) if clip < 1 else 0.1 < norm < 100


def test_only_matrices_decay():
    model = RecommenderModel(4, ModelConfig(dim=16, max_length=8))
    optimizer = make_optimizer(model, TrainingConfig(weight_decay=0.3))
    names = {id(p): n for n, p in model.named_parameters()}
    decayed = {
        names[id(p)]
        for group in optimizer.param_groups
        if group["weight_decay"] == 0.3
        for p in group["params"]
    }
    every = {names[id(p)] for group in optimizer.param_groups for p in group["params"]}
    assert every == set(names.values())
    assert "encoder.blocks.0.project.weight" in decayed
    assert not {"items.table.weight", "start", "norm.weight"} & decayed
    assert not any("bias" in name or "position" in name for name in decayed)


def test_it_stops_when_patience_is_over_and_keeps_the_best(tmp_path):
    scores = iter([0.1, 0.3, 0.2, 0.25, 0.3, 0.9])
    seen = []

    def validate(model):
        seen.append((next(scores), model.table.detach().clone(), model.training))
        return seen[-1][0]

    model, position, epochs = learn(tmp_path, ROWS, 4, validate=validate, epochs=20, patience=3)
    assert [m.ndcg_at_10 for m in epochs] == [0.1, 0.3, 0.2, 0.25, 0.3]
    assert (position.epoch, position.best_epoch, position.best_score) == (5, 2, 0.3)
    assert torch.equal(model.table, seen[1][1])
    assert not torch.equal(model.table, seen[4][1])
    assert not any(training for *_, training in seen)
    assert not model.training


def test_it_measures_every_so_many_epochs_and_at_the_end(tmp_path):
    _, position, epochs = learn(
        tmp_path, ROWS, 4, validate=judge, epochs=7, validate_every=3, patience=99
    )
    assert [m.epoch for m in epochs] == [*range(1, 8)]
    assert [m.epoch for m in epochs if m.ndcg_at_10 is not None] == [3, 6, 7]
    assert position.best_epoch in (3, 6, 7)


def test_a_loss_that_is_no_number_is_refused():
    model = RecommenderModel(4, ModelConfig(dim=16, max_length=8))
    with torch.no_grad():
        model.cold_start.fill_(float("nan"))
    with pytest.raises(DataError, match=r"training\.learning_rate"):
        train_step(model, make_optimizer(model, TrainingConfig()), one_batch(), 1.0)


def test_bfloat16_is_refused_where_the_cpu_has_it_not(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="AVX-512 BF16"):
        learn(tmp_path, ROWS, 4, precision="bfloat16")


def test_the_reported_loss_is_the_mean_over_the_epochs_labels(tmp_path, monkeypatch):
    losses = []

    def spy(model, optimizer, batch, *rest):
        losses.append((train_step(model, optimizer, batch, *rest), batch.label_count))
        return losses[-1][0]

    monkeypatch.setattr(loop, "train_step", spy)
    _, _, (first,) = learn(tmp_path, ROWS, 4, epochs=1, batch_labels=6)
    assert len(losses) > 3
    mean = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
    assert first.loss == pytest.approx(mean)
