"""The fused loss is torch's own cross-entropy, in value and in gradient."""

import pytest
import torch
import torch.nn.functional as F

from pocketrec.training import losses
from pocketrec.training.losses import full_softmax

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
def test_it_equals_cross_entropy(monkeypatch, rows, items, chunk):
    monkeypatch.setattr(losses, "CHUNK_BYTES", chunk)
    fused, plain = both(*make(rows, items))
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
