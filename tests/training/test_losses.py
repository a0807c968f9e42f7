"""The fused loss is torch's own cross-entropy; sampled items stand for all of them."""

import pytest
import torch
import torch.nn.functional as F

from pocketrec.config.training import TrainingConfig
from pocketrec.training.losses import (
    SampledLoss,
    full_softmax,
    gbce,
    gbce_power,
    make_loss,
    sampled_softmax,
)
from pocketrec.training.negatives import InBatchSampler, PopularitySampler, UniformSampler

HAS_BFLOAT16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()


def make(rows, items, dim=16, scale=1.0):
    torch.manual_seed(rows + items)
    states = (torch.randn(rows, dim) * scale).requires_grad_()
    table = torch.randn(items + 1, dim).requires_grad_()
    return states, table, torch.randint(1, items + 1, (rows,))


def results(loss, states, table, factor):
    states.grad = table.grad = None
    (loss * factor).backward()
    return loss.detach(), states.grad, table.grad


def both(states, table, labels, factor=1.0, **options):
    fused = results(full_softmax(states, table, labels, **options), states, table, factor)
    logits = states @ table[1:].T
    return fused, results(F.cross_entropy(logits, labels - 1), states, table, factor)


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("items", [1, 2, 50])
@pytest.mark.parametrize("chunk", [1, 64 * 50, 1 << 20])
def test_it_equals_cross_entropy(rows, items, chunk):
    fused, plain = both(*make(rows, items), chunk_bytes=chunk)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)
    assert (fused[2][0] == 0).all()  # padding


def test_gradients_of_a_scaled_loss_are_scaled():
    fused, plain = both(*make(40, 30), factor=-2.5)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)


def test_large_logits_do_not_overflow():
    """A label's loss is cut at 87 nats, which leaves the gradients as they are."""
    fused, plain = both(*make(40, 30, scale=300.0))
    assert 20 < fused[0] < 88 < plain[0]
    torch.testing.assert_close(fused[1:], plain[1:], rtol=1e-5, atol=1e-4)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this CPU has no bfloat16 products")
def test_bfloat16_is_near():
    fused, plain = both(*make(200, 50), dtype=torch.bfloat16)
    torch.testing.assert_close(fused, plain, rtol=0.05, atol=0.01)
    assert not torch.equal(fused[1], plain[1])


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_label_smoothing_equals_torchs(smoothing, chunk):
    states, table, labels = make(40, 30)
    loss = full_softmax(states, table, labels, smoothing=smoothing, chunk_bytes=chunk)
    fused = results(loss, states, table, 1.0)
    expected = F.cross_entropy(states @ table[1:].T, labels - 1, label_smoothing=smoothing)
    plain = results(expected, states, table, 1.0)
    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)


def partition(loss, states, table, labels):
    """The sum over items that a loss of one row works with: e^(loss + own logit)."""
    return torch.exp(loss + (states * table[labels]).sum())


def test_drawn_items_stand_for_all_on_average():
    """Mean over many draws of the sum over sampled items = the sum over all items."""
    states, table, labels = make(1, 12, dim=4, scale=0.5)
    states, table = states.detach(), table.detach()
    everything = torch.exp(states @ table[1:].T).sum()
    draw = PopularitySampler.of(torch.arange(1, 13), 40)
    torch.manual_seed(1)
    sums = [
        partition(sampled_softmax(states, table, labels, draw(labels)), states, table, labels)
        for _ in range(3000)
    ]
    mean = torch.stack(sums).mean()
    assert float(mean) == pytest.approx(float(everything), rel=0.02)


@pytest.mark.parametrize(
    "draw", [PopularitySampler.of(torch.arange(1, 31), 200_000), UniformSampler(30, 200_000)]
)
def test_with_many_drawn_items_gradients_are_those_of_all_items(draw):
    states, table, labels = make(40, 30)
    torch.manual_seed(1)
    actual = results(sampled_softmax(states, table, labels, draw(labels)), states, table, 1.0)
    expected = results(full_softmax(states, table, labels), states, table, 1.0)
    torch.testing.assert_close(actual, expected, rtol=0.05, atol=1e-3)


def test_a_batch_of_labels_stands_for_all_on_average():
    """Labels sampled as often as they are popular, each row looked at by itself."""
    table = make(1, 12, dim=4)[1].detach()
    counts = torch.arange(1, 13)
    torch.manual_seed(1)
    labels = torch.multinomial(counts / 78, 20_000, replacement=True) + 1
    states = torch.randn(1, 4).expand(20_000, -1) * 0.5
    own = (states[0] @ table.T)[labels]
    everything = torch.exp(states[0] @ table[1:].T).sum()
    sampled = InBatchSampler.of(counts)(labels[:2000])
    loss = sampled_softmax(states[:2000], table, labels[:2000], sampled)
    # All rows see one state: the mean loss is log(sum) - mean own logit.
    assert float(loss + own[:2000].mean()) == pytest.approx(float(everything.log()), abs=0.02)


def test_gbce_is_its_formula():
    states, table, labels = make(6, 9)
    torch.manual_seed(4)
    sampled = UniformSampler(9, 4)(labels)
    loss = gbce(states, table, labels, sampled, beta=gbce_power(9, 4, 0.75))
    alpha = 4 / 8
    beta = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha)
    total = 0.0
    for state, label in zip(states, labels, strict=True):
        total -= beta * torch.log(torch.sigmoid(state @ table[label]))
        for j in sampled.item_id:
            if j != label:
                total -= torch.log(1 - torch.sigmoid(state @ table[j]))
    assert loss.item() == pytest.approx(total.item() / 6, rel=1e-4)


@pytest.mark.parametrize("loss", ["softmax", "sampled_softmax", "in_batch", "gbce"])
def test_every_loss_learns_which_item_follows(loss):
    """States are free: after training each points at its own label."""
    torch.manual_seed(2)
    states = torch.nn.Parameter(torch.randn(20, 16) * 0.1)
    table = torch.nn.Parameter(torch.randn(21, 16) * 0.1)
    labels = torch.arange(1, 21)
    fields = {"negatives": 8} if loss in ("sampled_softmax", "gbce") else {}
    config = TrainingConfig(loss=loss, **fields)
    loss_of = make_loss(config, torch.ones(20, dtype=torch.int64), torch.float32)
    optimizer = torch.optim.Adam([states, table], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        sampled = (loss_of.sample(labels, None),) if isinstance(loss_of, SampledLoss) else ()
        of = loss_of.of if sampled else loss_of
        of(states, table, labels, *sampled).backward()
        optimizer.step()
    assert ((states @ table[1:].T).argmax(1) + 1 == labels).all()
