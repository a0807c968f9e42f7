"""A step that draws items sees a small catalogue, and does to it what it would do to the large."""

import copy
from dataclasses import replace

import polars as pl
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pocketrec.config.model import ModelConfig
from pocketrec.config.training import TrainingConfig
from pocketrec.models.recommender import RecommenderModel
from pocketrec.preparation.attributes import read_attributes
from pocketrec.training.batches import Batch
from pocketrec.training.losses import SampledLoss, make_loss
from pocketrec.training.negatives import PopularitySampler, UniformSampler, small_catalogue
from pocketrec.training.sparse_adam import SparseAdamW
from pocketrec.training.step import batch_loss, clip, make_optimizer, train_step
from support.small_world import EVERY_STEP, judge, make_config, metrics_and_weights, run

V = 50
DRAWN = ["sampled_softmax", "in_batch", "gbce"]
ITEM_ID = torch.tensor([[3, 40, 7, 0], [7, 7, 0, 0]], dtype=torch.int32)
BATCH = Batch(
    item_id=ITEM_ID,
    labels=torch.tensor([[40, 7, 9, 0], [7, 50, 0, 0]]),
    start_labels=torch.tensor([3, 7]),
    label_count=5,
)


def make_model(*, with_attributes=False, items=V):
    torch.manual_seed(1)
    kinds = pl.DataFrame({"kind": [f"kind {item % 5}" for item in range(items)]})
    attributes = read_attributes(kinds, {"kind": "category"}) if with_attributes else None
    # Without dropout: its draws would not be the same ones.
    config = ModelConfig(encoder="bow", dim=8, max_length=4, dropout=0.0, item_dropout=0.0)
    return RecommenderModel(items, config, attributes).train()


def make_drawn(loss, items=V):
    fields = {} if loss == "in_batch" else {"negatives": 20}
    config = TrainingConfig(loss=loss, **fields)
    return make_loss(config, torch.arange(items), torch.float32)


def dense_loss(model, loss_of, generator):
    """The same loss, made of the whole table."""
    kept = BATCH.labels > 0
    labels = torch.cat([BATCH.labels[kept], BATCH.start_labels])
    states = model.states(ITEM_ID, None, model.table)[kept]
    rows = torch.cat([states, model.cold_starts(ITEM_ID)])
    return loss_of.of(rows, model.table, labels, loss_of.sample(labels, generator))


@pytest.mark.parametrize("with_attributes", [False, True])
@pytest.mark.parametrize("loss", DRAWN)
def test_a_small_catalogue_has_the_gradient_of_the_whole(loss, with_attributes):
    model = make_model(with_attributes=with_attributes)
    loss_of = make_drawn(loss)
    small = batch_loss(model, BATCH, loss_of, torch.Generator().manual_seed(2))
    small.backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert gradients["items.table.weight"].is_sparse
    model.zero_grad()
    whole = dense_loss(model, loss_of, torch.Generator().manual_seed(2))
    whole.backward()
    torch.testing.assert_close(small, whole)
    assert float(gradients["items.table.weight"].to_dense().norm()) > 0.01
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name].to_dense(), parameter.grad, msg=name)


def test_items_of_a_small_catalogue_keep_their_places():
    chosen, (events, labels) = small_catalogue(ITEM_ID, torch.tensor([9, 3]))
    assert chosen.tolist() == [0, 3, 7, 9, 40]
    assert (events.dtype, labels.dtype) == (torch.int32, torch.int64)
    assert torch.equal(chosen[events], ITEM_ID.long())
    assert chosen[labels].tolist() == [9, 3]


class Largest(TorchDispatchMode):
    """The most numbers that any operation gave."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        views = func.is_view or func._schema.is_mutable  # no new memory
        for tensor in [] if views else tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and not tensor.is_sparse:
                self.numbers = max(self.numbers, tensor.numel())
        return result


@pytest.mark.parametrize("loss", DRAWN)
def test_a_step_makes_nothing_as_large_as_the_catalogue(loss):
    items = 20_000
    model, loss_of = make_model(with_attributes=True, items=items), make_drawn(loss, items)
    optimizer = make_optimizer(model, TrainingConfig())
    train_step(model, optimizer, BATCH, 1.0, loss_of)  # makes the moments
    with Largest() as largest:
        train_step(model, optimizer, BATCH, 1.0, loss_of)
    assert 0 < largest.numbers < items


def test_items_are_drawn_by_their_shares():
    counts = torch.tensor([16, 1, 1, 81])
    shares = torch.tensor([8, 1, 1, 27]) / 37
    labels, generator = torch.tensor([1]), torch.Generator().manual_seed(0)
    sampled = PopularitySampler.of(counts, 100_000)(labels, generator)
    drawn = torch.bincount(sampled.item_id, minlength=5)[1:] / 100_000
    torch.testing.assert_close(drawn, shares, rtol=0.05, atol=0.0)
    expected = (shares * 100_000).log()[sampled.item_id - 1]
    torch.testing.assert_close(sampled.log_expected, expected)


def test_the_last_items_of_a_huge_catalogue_are_drawn():
    """torch.multinomial ends at 2^24 items, and sums of float32 stop to grow there."""
    items = 2**24 + 10
    counts = torch.ones(items, dtype=torch.int64)
    counts[-1] = 10**12
    sampled = PopularitySampler.of(counts, 1000)(
        torch.tensor([1]), torch.Generator().manual_seed(0)
    )
    assert 0.9 < float((sampled.item_id == items).float().mean()) < 1
    assert int(sampled.item_id.max()) == items


@pytest.mark.parametrize("draw", [PopularitySampler.of(torch.ones(V), 9), UniformSampler(V, 9)])
def test_equal_generators_draw_equal_items_and_touch_no_other(draw):
    labels, before = torch.tensor([1]), torch.get_rng_state()
    one, other = (draw(labels, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.item_id, other.item_id)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(draw(labels).item_id, one.item_id)


def sparse(rows, values):
    return torch.sparse_coo_tensor(
        torch.tensor([rows]), values, (6, 3), check_invariants=True
    ).coalesce()


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_where_all_rows_are_touched_it_is_adamw(weight_decay):
    torch.manual_seed(0)
    table = torch.nn.Parameter(torch.randn(6, 3))
    other = copy.deepcopy(table)
    options = {"lr": 0.1, "betas": (0.9, 0.98), "weight_decay": weight_decay}
    ours, torchs = SparseAdamW([table], **options), torch.optim.AdamW([other], **options)
    for _ in range(5):
        other.grad = torch.randn(6, 3)
        table.grad = sparse(list(range(6)), other.grad).coalesce()
        ours.step()
        torchs.step()
        torch.testing.assert_close(table, other)
    assert set(ours.state[table]) == set(torchs.state[other])


def test_rows_that_are_not_touched_stay_as_they_are():
    table, dense = torch.nn.Parameter(torch.ones(6, 3)), torch.nn.Parameter(torch.ones(2))
    optimizer = SparseAdamW([table, dense], lr=0.1, weight_decay=0.5)
    table.grad, dense.grad = sparse([1, 4], torch.ones(2, 3)).coalesce(), torch.ones(2)
    optimizer.step()
    assert (table[[0, 2, 3, 5]] == 1).all()
    assert (table[[1, 4]] < 0.95).all()
    assert (dense < 0.95).all()
    assert table.grad.is_sparse  # whoever looks at it later finds it


def test_sparse_gradients_are_clipped_with_the_others():
    torch.manual_seed(0)
    table, dense = torch.nn.Parameter(torch.ones(6, 3)), torch.nn.Parameter(torch.ones(2))
    # Row 1 twice: what counts is the sum.
    table.grad = torch.sparse_coo_tensor(
        [[1, 4, 1]], torch.randn(3, 3), (6, 3), check_invariants=True
    )
    dense.grad = torch.randn(2)
    whole = torch.nn.Parameter(torch.ones(6, 3)), torch.nn.Parameter(torch.ones(2))
    whole[0].grad, whole[1].grad = table.grad.to_dense(), dense.grad.clone()
    torch.nn.utils.clip_grad_norm_(whole, 0.1)
    clip([table, dense], 0.1)
    torch.testing.assert_close(table.grad.to_dense(), whole[0].grad)
    torch.testing.assert_close(dense.grad, whole[1].grad)


class StopError(Exception):
    """An interruption."""


@pytest.mark.parametrize("loss", DRAWN)
def test_a_run_that_is_interrupted_ends_as_if_it_was_not(data, tmp_path, loss):
    each = {"save_seconds": EVERY_STEP}
    fields = {} if loss == "in_batch" else {"negatives": 5}
    config = make_config(loss=loss, epochs=2, **fields)
    run(data, tmp_path / "whole", config, **each)
    steps = []

    def stop(step):
        steps.append(step)
        if len(steps) == 5:
            raise StopError

    with pytest.raises(StopError):
        run(data, tmp_path / "resumed", config, on_progress=stop, **each)
    run(data, tmp_path / "resumed", config, resume=True, validate=judge, **each)
    assert metrics_and_weights(tmp_path / "resumed") == metrics_and_weights(tmp_path / "whole")


def test_a_drawn_loss_looks_at_what_was_drawn():
    """Else none of the above would say anything."""
    model, loss_of = make_model(), make_drawn("sampled_softmax")
    assert isinstance(loss_of, SampledLoss)
    one, other = (
        batch_loss(
            model, BATCH, replace(loss_of, sample=PopularitySampler.of(torch.ones(V), n))
        ).detach()
        for n in (1, 40)
    )
    assert one != other
