"""What a like should do is learned from the log, where the log has something to teach."""

import numpy as np
import pytest
import torch

from pocketrec.config.model import ModelConfig
from pocketrec.models.recommender import RecommenderModel
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.training import adaptation as module
from pocketrec.training.adaptation import fit_adaptation, step_weights

GROUPS, SIZE, D = 4, 8, 16


@pytest.fixture(scope="module")
def model():
    """Items of four groups, which lie apart; the model itself knows nothing of users."""
    torch.manual_seed(1)
    config = ModelConfig(
        encoder="bow", dim=D, max_length=12, dropout=0.0, item_dropout=0.0, successors=0
    )
    made = RecommenderModel(GROUPS * SIZE, config)
    with torch.no_grad():
        table = torch.randn(GROUPS * SIZE + 1, D) * 0.1
        for group in range(GROUPS):
            table[1 + group * SIZE : 1 + (group + 1) * SIZE, group] += 1
        made.items.table.weight.copy_(table)
        for parameter in (*made.encoder.parameters(), *made.norm.parameters()):
            parameter.zero_()
    return made.eval()


def log(draw, users=80, length=7, seed=1):
    """Histories of distinct items, which `draw(group)` gives for each user's group."""
    random = np.random.default_rng(seed)
    histories = [random.permutation(draw(user % GROUPS))[:length] for user in range(users)]
    items = np.concatenate(histories).astype(np.int32)
    return Sequences(items, np.arange(users + 1, dtype=np.int64) * length)


def own_group(group):
    return np.arange(1 + group * SIZE, 1 + (group + 1) * SIZE)


def any_item(_group):
    return np.arange(1, GROUPS * SIZE + 1)


def gain(model, matrix, group):
    """By how much items of the group gain on the others, when one of them is liked."""
    table = model.table.detach()
    items = torch.from_numpy(own_group(group))
    moved = table @ ((table[items[0]] - table[1:].mean(0)) @ matrix)
    return float(moved[items].mean() - moved[1:].mean())


def test_users_who_keep_to_a_kind_teach_that_a_like_means_the_kind(model):
    matrix = fit_adaptation(model, log(own_group))
    assert all(gain(model, matrix, group) > 0.5 for group in range(GROUPS))


def test_users_without_a_taste_teach_nothing(model):
    """What was fitted to chance does not help those who decide, and is not kept."""
    taught = fit_adaptation(model, log(own_group))
    chance = fit_adaptation(model, log(any_item))
    assert chance.norm() < 0.2 * taught.norm()


def test_the_same_log_teaches_the_same(model):
    before = torch.random.get_rng_state()
    first = fit_adaptation(model, log(own_group), seed=3)
    assert torch.equal(first, fit_adaptation(model, log(own_group), seed=3))
    assert torch.equal(before, torch.random.get_rng_state())


def test_few_or_short_histories_teach_nothing(model):
    for users, length in ((1, 5), (4, 7), (40, 1)):
        assert not fit_adaptation(model, log(own_group, users, length)).any()


def test_large_catalogues_are_represented_by_some_items(model):
    matrix = fit_adaptation(model, log(own_group), most_items=20)
    assert all(gain(model, matrix, group) > 0.5 for group in range(GROUPS))


def test_weights_are_what_the_device_makes_of_steps_one_by_one():
    for steps in (1, 2, 30):
        left = np.zeros(steps)
        for step in range(steps):
            left *= module.DECAY
            left[step] = 1 / (1 + step / module.SLOWING)
        assert np.allclose(step_weights(steps).numpy(), left, rtol=1e-5)
