"""What training, saving and loading do to every encoder."""

import pytest
import torch

from pocketrec.config.training import TrainingConfig
from pocketrec.errors import ArtifactError
from pocketrec.training.batches import Batch
from pocketrec.training.checkpoint import Position, load_checkpoint, save_checkpoint
from pocketrec.training.step import make_optimizer, train_step
from support.untrained_models import CLOSE, FULL, SOME, D, build, histories


def batch_of(*rows):
    """All but the last event of each as input, all but the first as labels."""
    return Batch(
        histories(*(row[:-1] for row in rows)),
        histories(*(row[1:] for row in rows)).long(),
        torch.tensor([row[0] for row in rows]),
        sum(len(row) - 1 for row in rows),
    )


BATCH = batch_of([*FULL, 7], [1, 2, 3], [10, 11])


def test_gradients_reach_every_parameter(name):
    model = build(name, dropout=0.0, item_dropout=0.0)
    config = TrainingConfig(weight_decay=0.0)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train_step(model, make_optimizer(model, config), BATCH, config.gradient_clip)
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name
        assert not torch.equal(parameter, before[parameter_name]), parameter_name


def test_padding_stays_zero_through_training(name):
    model = build(name, dropout=0.3, item_dropout=0.3).train()
    config = TrainingConfig(weight_decay=0.5, learning_rate=0.1)
    optimizer = make_optimizer(model, config)
    for _ in range(10):
        train_step(model, optimizer, BATCH, config.gradient_clip)
    assert (model.table[0] == 0).all()
    assert (model.table[1:] != 0).all()


def test_padding_is_not_trained_on(name):
    """More columns of padding give the same gradients."""
    wide, narrow = batch_of([1, 2, 3], [4, 5, 6]), batch_of([1, 2, 3], [4, 5, 6])
    narrow = Batch(narrow.item_id[:, :2], narrow.labels[:, :2], narrow.start_labels, 4)
    gradients = []
    for batch in (wide, narrow):
        model = build(name, dropout=0.0, item_dropout=0.0)
        loss = train_step(model, make_optimizer(model, TrainingConfig()), batch, 1e9)
        gradients.append([loss, *(p.grad for p in model.parameters())])
    torch.testing.assert_close(gradients[0], gradients[1], **CLOSE)


@torch.no_grad()
def test_saved_and_loaded_weights_are_the_same_model(name, model, tmp_path):
    optimizer = make_optimizer(model, TrainingConfig())
    position = Position(epoch=3, best_score=0.1 + 0.2, best_epoch=2)
    save_checkpoint(tmp_path / "weights", model, optimizer, position)
    other = build(name, seed=1).eval()
    assert not torch.equal(other.states(SOME), model.states(SOME))
    assert load_checkpoint(tmp_path / "weights", other) == position
    assert torch.equal(other.states(SOME), model.states(SOME))
    assert torch.equal(other.user_vector(SOME), model.user_vector(SOME))


def test_weights_of_another_model_are_refused(name, model, tmp_path):
    save_checkpoint(
        tmp_path / "weights", model, make_optimizer(model, TrainingConfig()), Position()
    )
    with pytest.raises(ArtifactError, match=r"does not fit.*train again") as caught:
        load_checkpoint(tmp_path / "weights", build(name, dim=2 * D))
    assert "\n" not in str(caught.value)
