"""Learning on the device: the closed form is the gradient, and a step does what it should."""

import numpy as np
import pytest
import torch

from pocketrec.errors import InputError
from small_models import ENCODERS, C, D, L, V, make, walk

encoders = pytest.mark.parametrize("encoder", ENCODERS)
verdicts = pytest.mark.parametrize("verdict", [1, -1])
ALL = np.arange(1, V + 1, dtype=np.int32)


def task(verdict, seed=0, count=C):
    """A history, candidates and the target: the first of them was liked or disliked."""
    random = np.random.default_rng(seed)
    history = walk(int(random.integers(1, V + 1)), int(random.integers(0, L + 1)))
    candidates = random.permutation(ALL)[:count]
    target = np.zeros(count, np.float32)
    target[0] = verdict
    return history, candidates, target


def loss(model, history, candidates, moved, verdict):
    """-log p of the first candidate, or -log(1 - p), in which 1 - p is the share of the others."""
    item_id = np.zeros((1, L), np.int32)
    item_id[0, : len(history)] = history
    user = model.user_vector(torch.from_numpy(item_id)).detach()[0] + moved
    logits = model.logits(user.unsqueeze(0))[0, torch.from_numpy(candidates).long()]
    wanted = logits[:1] if verdict > 0 else logits[1:]
    return torch.logsumexp(logits, 0) - torch.logsumexp(wanted, 0)


def gradient(model, history, candidates, vector, verdict):
    """Of the loss, by autograd, with the user's vector as the variable."""
    moved = torch.tensor(vector, requires_grad=True)
    loss(model, history, candidates, moved, verdict).backward()
    return moved.grad.numpy()


@encoders
@verdicts
def test_a_step_is_one_of_gradient_descent(encoder, verdict):
    made = make(encoder)
    device = made.device("float32")
    for seed in range(8):
        history, candidates, target = task(verdict, seed, count=int(2 + seed % (C - 1)))
        vector = np.random.default_rng(seed).normal(0, 0.1, D).astype(np.float32)
        found = device.adapt(history, candidates, target, learning_rate=0.25, user_vector=vector)
        expected = vector - 0.25 * gradient(made.model, history, candidates, vector, verdict)
        # A dislike of what the model was sure of has a limit, which none of these reaches.
        assert np.abs(found - expected).max() < 1e-4


@encoders
def test_the_small_file_steps_in_the_same_direction(encoder):
    made = make(encoder)
    for seed in range(8):
        history, candidates, target = task(1, seed)
        steps = [
            made.device(kind).adapt(history, candidates, target, learning_rate=1.0)
            for kind in ("float32", "int8")
        ]
        assert steps[0] @ steps[1] > 0.97 * np.linalg.norm(steps[0]) * np.linalg.norm(steps[1])


@encoders
@verdicts
def test_steps_of_the_small_file_lead_to_what_was_said(encoder, verdict):
    made = make(encoder)
    device = made.device("int8")
    first, last = 0.0, 0.0
    for seed in range(8):
        history, candidates, target = task(verdict, seed)
        vector, losses = np.zeros(D, np.float32), []
        for _ in range(20):
            moved = torch.tensor(vector)
            losses.append(float(loss(made.model, history, candidates, moved, verdict)))
            vector = device.adapt(
                history, candidates, target, learning_rate=0.05, user_vector=vector
            )
        assert losses[-1] <= losses[0] + 1e-6
        first, last = first + losses[0], last + losses[-1]
    assert last < 0.95 * first


def test_a_dislike_of_what_the_model_is_sure_of_is_one_step_wide():
    """As far as from the item to the others, though -log(1 - p) grows without end."""
    made = make("transformer")
    history, sure = walk(7, L), np.array([8, 20], np.int32)  # 8 comes next, and 20 never
    table = made.model.table.detach().numpy()
    device, target = made.device("float32"), np.array([-1, 0], np.float32)
    assert loss(made.model, history, sure, torch.zeros(D), 1) < 1e-4
    for more in (0.0, 0.5, 1.0):
        vector = device.adapt(history, sure, target, learning_rate=1.0, user_vector=more * table[8])
        assert np.allclose(vector - more * table[8], table[20] - table[8], atol=1e-3)


def test_no_learning_rate_no_change():
    device = make("gru").device("int8")
    history, candidates, target = task(1)
    vector = np.linspace(-1, 1, D, dtype=np.float32)
    found = device.adapt(history, candidates, target, learning_rate=0.0, user_vector=vector)
    assert np.array_equal(found, vector)


def test_calls_leave_nothing_behind():
    device = make("lstm").device("int8")
    history, candidates, target = task(1)
    first = device.adapt(history, candidates, target, learning_rate=1.0)
    device.adapt(walk(3, L), candidates, -target, learning_rate=1.0)
    assert np.array_equal(device.adapt(history, candidates, target, learning_rate=1.0), first)


@pytest.mark.parametrize(
    ("candidates", "target", "rate"),
    [
        ([], [], 1),
        ([1, 2], [1], 1),
        ([1, 2], [0, 0], 1),
        ([1, 2], [1, 1], 1),
        ([1, 2], [0.5, 0], 1),
        ([1, 2], [np.nan, 0], 1),
        ([0, 2], [1, 0], 1),
        ([1, V + 1], [1, 0], 1),
        (list(range(1, C + 2)), [1] + [0] * C, 1),
        ([1, 2], [1, 0], -1),
        ([1, 2], [1, 0], np.nan),
        ([1, 2], [1, 0], np.inf),
    ],
)
def test_what_cannot_be_learned_from_is_refused(candidates, target, rate):
    device = make("bow").device("int8")
    with pytest.raises(InputError):
        device.adapt(
            walk(1, 2),
            np.array(candidates, np.int32),
            np.array(target, np.float32),
            learning_rate=rate,
        )
