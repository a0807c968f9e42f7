"""Learning on the device: what a step is, that it is bounded, and what is refused."""

import numpy as np
import pytest
import torch

from pocketrec.bundle.device import DeviceModel
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.errors import InputError
from pocketrec.tflite.inspect import inspect
from pocketrec.tflite.shrink import shrink
from support.small_models import ENCODERS, C, D, V, make

encoders = pytest.mark.parametrize("encoder", ENCODERS)
LIKED, DISLIKED = np.array([1], np.float32), np.array([-1], np.float32)


def ints(*values):
    return np.array(values, np.int32)


@pytest.fixture(scope="module")
def adaptation():
    return torch.from_numpy(np.random.default_rng(1).normal(0, 0.2, (D, D)).astype(np.float32))


@pytest.fixture(scope="module")
def full(adaptation):
    made = make("bow")
    return convert(made.model, made.spec, adaptation=adaptation)


def load(content):
    return DeviceModel(content, make("bow").spec)


def expected(items, targets, adaptation=None):
    """The step, from the torch model's table."""
    table = make("bow").model.table.detach()
    centred = table[items] - table[1:].mean(0)
    moved = (torch.tensor(targets).unsqueeze(1) * centred).sum(0)
    return (moved if adaptation is None else moved @ adaptation).numpy()


@pytest.mark.parametrize(
    ("items", "targets"), [([3], [1.0]), ([29], [-1.0]), ([5, 9, 2], [1.0, -0.5, 0.25])]
)
def test_a_step_is_what_was_fitted(full, adaptation, items, targets):
    vector = np.linspace(-1, 1, D).astype(np.float32)
    arguments = ints(*items), np.array(targets, np.float32)
    adapted = load(full).adapt(*arguments, learning_rate=0.5, user_vector=vector)
    step = expected(items, targets, adaptation)
    assert np.abs(adapted - vector - 0.5 * step).max() < 1e-5
    small = load(shrink(quantize(full, "int8")))
    adapted = small.adapt(*arguments, learning_rate=0.5, user_vector=vector)
    assert np.abs(adapted - vector - 0.5 * step).max() < 0.02 * np.abs(step).max() + 1e-3


@encoders
def test_without_a_fit_a_step_leads_straight_to_the_item(encoder):
    made = make(encoder)
    table = made.model.table.detach().numpy()
    adapted = made.device("float32").adapt(ints(4), LIKED, learning_rate=1.0)
    assert np.abs(adapted - (table[4] - table[1:].mean(0))).max() < 1e-5


@encoders
def test_what_was_liked_gains_and_what_was_disliked_loses(encoder):
    """Of the logits, with a step straight to the item: successors have a say in scores."""
    made = make(encoder)
    table = made.model.table.detach().numpy()
    for item in (1, 7, V):
        liked = made.device("int8").adapt(ints(item), LIKED, learning_rate=1.0)
        disliked = made.device("int8").adapt(ints(item), DISLIKED, learning_rate=1.0)
        assert np.allclose(disliked, -liked, atol=1e-6)
        assert np.argmax(table[1:] @ liked) + 1 == item


def test_no_learning_rate_no_change():
    vector = np.linspace(-1, 1, D, dtype=np.float32)
    device = make("gru").device("int8")
    adapted = device.adapt(ints(3), LIKED, learning_rate=0.0, user_vector=vector)
    assert np.array_equal(adapted, vector)


def test_calls_leave_nothing_behind():
    device = make("lstm").device("int8")
    first = device.adapt(ints(3), LIKED, learning_rate=1.0)
    device.adapt(ints(9), DISLIKED, learning_rate=5.0, user_vector=first)
    assert np.array_equal(device.adapt(ints(3), LIKED, learning_rate=1.0), first)


def test_learning_needs_no_second_table(full):
    """In the file is one table, for all signatures, and one matrix more."""
    constants = inspect(shrink(quantize(full, "int8"))).constants
    assert len({c.buffer for c in constants if c.shape == (V + 1, D)}) == 1
    assert [c.dtype for c in constants if c.shape == (D, D)].count("int8") >= 1


@pytest.mark.parametrize(
    ("candidates", "target", "rate"),
    [
        ([], [], 1),
        ([1, 2], [1], 1),
        ([1, 2], [1, 2], 1),
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
        device.adapt(ints(*candidates), np.array(target, np.float32), learning_rate=rate)
