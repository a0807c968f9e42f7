"""What is trained and scored elsewhere than on the CPU: nothing is mixed, and the figures agree."""

import numpy as np
import pytest
import torch

from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.errors import ConfigError
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.training.batches import Batches
from pocketrec.training.checkpoint import Position, load_checkpoint, save_checkpoint
from pocketrec.training.losses import make_loss
from pocketrec.training.sparse_adam import SparseAdamW
from pocketrec.training.step import BatchLoss, batch_loss, precision, train_step
from support.other_device import ELSEWHERE, Device

ITEMS = 12


def some_sequences():
    random = np.random.default_rng(0)
    lengths = random.integers(2, 12, 30)
    items = random.integers(1, ITEMS + 1, lengths.sum()).astype(np.int32)
    return Sequences(items, np.concatenate([[0], np.cumsum(lengths)]))


def make_model(encoder, **fields):
    torch.manual_seed(0)
    model = RecommenderModel(ITEMS, ModelConfig(encoder=encoder, dim=8, max_length=6, **fields))
    model.successors.count(some_sequences())
    return model


def make_optimizer(model):
    return SparseAdamW(model.parameters(), lr=0.01)  # not fused, which exists on real devices only


def make_batches():
    return Batches(some_sequences(), max_length=6, batch_labels=40, seed=1).epoch(0)


def loss_named(name):
    counts = torch.from_numpy(some_sequences().counts(ITEMS).copy())
    return make_loss(TrainingConfig(loss=name), counts, torch.float32)


def steps(model):
    """Losses of a few steps of training, wherever the model is; and the optimizer."""
    loss_of, optimizer = loss_named("softmax"), make_optimizer(model)
    losses = [
        train_step(model, optimizer, batch.to(model.device), 1.0, loss_of)
        for batch, _ in zip(make_batches(), range(3), strict=False)
    ]
    return losses, optimizer


@pytest.fixture
def elsewhere():
    with Device():
        yield ELSEWHERE


def test_what_is_mixed_is_seen(elsewhere):
    table = torch.zeros(3, 2).to(elsewhere)
    with pytest.raises(RuntimeError, match="two devices"):
        torch.nn.functional.embedding(torch.tensor([1, 2]), table)
    with pytest.raises(RuntimeError, match="two devices"):
        table.add_(torch.zeros(2))
    assert torch.equal((table + 1).cpu(), torch.ones(3, 2))


@pytest.mark.parametrize("encoder", ["transformer", "cnn", "bow"])
def test_training_and_scores_are_those_of_the_cpu(elsewhere, encoder):
    histories = [np.array(row, np.int32) for row in ([1, 2, 3], [], [4] * 9)]
    results = []
    for device in (torch.device("cpu"), elsewhere):
        model = make_model(encoder).to(device).train()
        assert model.device == device
        torch.manual_seed(1)
        losses, _ = steps(model)
        scorer = ModelScorer(model)
        products = scorer.products(histories).block(0, ITEMS).numpy()
        results.append((losses, scorer(histories), products))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4)
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-4)


@pytest.mark.parametrize("loss", ["sampled_softmax", "in_batch", "gbce"])
def test_losses_of_drawn_items_are_those_of_the_cpu(elsewhere, loss):
    batch, losses = next(iter(make_batches())), []
    for device in (torch.device("cpu"), elsewhere):
        model = make_model("bow").to(device).train()
        torch.manual_seed(1)
        chance = torch.Generator().manual_seed(1)
        losses.append(batch_loss(model, batch.to(device), loss_named(loss), chance).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_checkpoint_goes_from_device_to_device(elsewhere, tmp_path):
    model = make_model("bow").to(elsewhere).train()
    _, optimizer = steps(model)
    save_checkpoint(tmp_path / "there", model, optimizer, Position(step=3))
    here = make_model("bow")
    own = make_optimizer(here)
    assert load_checkpoint(tmp_path / "there", here, own).step == 3
    assert torch.equal(here.table, model.table.cpu())
    state = own.state[here.cold_start]["exp_avg"]
    assert state.device.type == "cpu"
    assert torch.equal(state, optimizer.state[model.cold_start]["exp_avg"].cpu())
    save_checkpoint(tmp_path / "here", here, own, Position(step=3))
    again = make_model("bow").to(elsewhere)
    own = make_optimizer(again)
    load_checkpoint(tmp_path / "here", again, own)
    assert own.state[again.cold_start]["exp_avg"].device == elsewhere
    assert torch.equal(again.table.cpu(), here.table)


def test_the_encoder_of_mixed_precision_is_near():
    """As a GPU does it, here on the CPU: half the digits in the encoder, gradients in float32."""
    model = make_model("transformer", dropout=0.0, item_dropout=0.0)
    loss_of, batch = loss_named("softmax"), next(iter(make_batches()))
    exact, mixed = (
        BatchLoss(model, loss_of, mixed=dtype)(batch) for dtype in (None, torch.bfloat16)
    )
    values = exact.item(), mixed.item()
    assert values[0] != values[1]
    assert values[0] == pytest.approx(values[1], rel=0.02)
    mixed.backward()
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("asked", "device", "has_it", "expected"),
    [
        ("auto", "cpu", True, torch.float32),
        ("auto", "cuda", True, torch.bfloat16),
        ("auto", "cuda", False, torch.float32),
        ("float32", "cuda", True, torch.float32),
        ("bfloat16", "cuda", True, torch.bfloat16),
        ("bfloat16", "cuda", False, None),
        ("bfloat16", "cpu", True, torch.bfloat16),
        ("bfloat16", "cpu", False, None),
    ],
)
def test_precision_is_what_the_device_has(monkeypatch, asked, device, has_it, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_it)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_it)
    config = TrainingConfig(precision=asked)
    if expected is None:
        with pytest.raises(ConfigError, match="'auto'"):
            precision(config, torch.device(device))
    else:
        assert precision(config, torch.device(device)) == expected
