"""The contract of every encoder, and of the model around it.

Runs, as test_encoder_training.py does, for all built-in encoders, or for one: `pytest
tests/models/test_encoders.py tests/models/test_encoder_training.py --encoder NAME`,
where NAME may be "package.module:Class".
"""

import numpy as np
import pytest
import torch

from pocketrec.config.encoders import find_encoder
from pocketrec.config.model import ModelConfig
from pocketrec.models.dropout import Dropout, ItemDropout
from pocketrec.models.encoders import encoder_class
from pocketrec.models.scorer import ModelScorer, pad_histories
from support.untrained_models import CLOSE, FULL, SOME, D, L, V, build, histories


def test_what_the_source_declares_is_what_the_class_has(name):
    """The config reads `name` and `defaults` from the text of the file; the class is the code."""
    spec, cls = find_encoder(name), encoder_class(name)
    assert spec.defaults == cls.defaults
    assert name in (cls.name, f"{cls.__module__}:{cls.__name__}")
    assert ModelConfig(encoder=name).model_dump().items() >= spec.defaults.items()  # in range


def test_an_encoder_that_steps_has_a_state_and_others_have_none(name):
    assert (build(name).state_width is not None) == encoder_class(name).has_step()


@torch.no_grad()
def test_shapes(model):
    item_id = histories(FULL, [7])
    assert model.states(item_id).shape == (2, L, D)
    assert model.user_vector(item_id).shape == (2, D)
    assert model.logits(model.user_vector(item_id)).shape == (2, V + 1)
    assert model.table.shape == (V + 1, D)


@torch.no_grad()
@pytest.mark.parametrize("place", range(1, L))
def test_the_future_does_not_change_the_past(model, place):
    before = histories(FULL)
    after = before.clone()
    after[0, place] = 11
    old, new = model.states(before), model.states(after)
    torch.testing.assert_close(old[:, :place], new[:, :place], rtol=0, atol=1e-6)
    assert not torch.allclose(old[:, place], new[:, place], atol=1e-3)


@torch.no_grad()
def test_more_padding_changes_nothing(model):
    for n in range(1, L):
        short = histories(FULL[:n], width=n)
        for width in range(n + 1, L + 1):
            long = histories(FULL[:n], width=width)
            torch.testing.assert_close(model.states(long)[:, :n], model.states(short), **CLOSE)
            torch.testing.assert_close(model.user_vector(long), model.user_vector(short), **CLOSE)


@torch.no_grad()
def test_other_users_of_a_batch_change_nothing(model):
    together = model.user_vector(SOME)
    states = model.states(SOME)
    for row in range(L):
        alone = SOME[row : row + 1]
        torch.testing.assert_close(model.user_vector(alone)[0], together[row], **CLOSE)
        torch.testing.assert_close(
            model.states(alone)[0, : row + 1], states[row, : row + 1], **CLOSE
        )


@torch.no_grad()
def test_last_is_the_last_of_forward_for_every_length(name, layers):
    model = build(name, layers=layers).eval()
    lengths = torch.arange(1, L + 1, dtype=torch.int32)
    x = model.event_features(SOME, model.table)
    states = model.encoder(x, lengths)
    torch.testing.assert_close(
        model.encoder.last(x, lengths), states[torch.arange(L), lengths.long() - 1], **CLOSE
    )


def stepping(name, **fields):
    """A model with a state."""
    model = build(name, **fields).eval()
    if not encoder_class(name).has_step():
        pytest.skip("it has no state")
    return model


@torch.no_grad()
def test_stepping_gives_what_forward_gives_after_each_event(name, layers):
    encoder = stepping(name, layers=layers).encoder
    x = torch.randn(3, 2 * L, D)  # a state knows no L
    states = encoder(x, torch.full((3,), 2 * L))
    state = torch.zeros(3, encoder.state_width)
    for place in range(2 * L):
        before = state.clone()
        state, output = encoder.step(state, x[:, place])
        assert state.shape == before.shape
        assert not torch.equal(state, before)
        torch.testing.assert_close(output, states[:, place], **CLOSE)
        last = encoder.last(x[:, : place + 1], torch.full((3,), place + 1))
        torch.testing.assert_close(output, last, **CLOSE)


@torch.no_grad()
def test_a_model_that_steps_knows_the_user_after_each_event(name):
    model = stepping(name)
    state = torch.zeros(1, model.state_width)
    for length in range(L + 1):
        item_id = histories(FULL[:length])
        after, user = model.step(state, item_id)
        torch.testing.assert_close(user, model.user_vector(item_id), **CLOSE)
        # Before the first event there is nothing, and asking twice changes nothing.
        assert torch.equal(after, state) == (length < 2)
        assert torch.equal(model.step(state, item_id)[0], after)
        state = after


@torch.no_grad()
def test_an_encoder_looks_at_nothing_beyond_the_length(model):
    """Padding happens to be zero; it could be anything."""
    lengths = torch.arange(1, L + 1, dtype=torch.int32)
    x = model.event_features(SOME, model.table)
    beyond = (SOME == 0).unsqueeze(-1)
    noisy = torch.where(beyond, torch.randn_like(x) * 5, x)
    last, states = model.encoder.last(x, lengths), model.encoder(x, lengths)
    torch.testing.assert_close(model.encoder.last(noisy, lengths), last, **CLOSE)
    torch.testing.assert_close(
        model.encoder(noisy, lengths) * ~beyond, states * ~beyond, rtol=1e-5, atol=1e-5
    )


@torch.no_grad()
def test_the_transformer_counts_positions_from_the_newest_event():
    """Whatever the length, the last row of the table is the newest event's."""
    model = build("transformer").eval()
    before = model.user_vector(SOME)
    model.encoder.position.weight[L - 1] += torch.randn(D)
    assert ((model.user_vector(SOME) - before).abs().amax(1) > 1e-3).all()
    before = model.user_vector(SOME)
    model.encoder.position.weight[0] += torch.randn(D)  # the oldest place: of full histories only
    changed = (model.user_vector(SOME) - before).abs().amax(1) > 1e-3
    assert changed.tolist() == [False] * (L - 1) + [True]


@torch.no_grad()
def test_an_empty_history_is_finite_and_gives_start(model):
    item_id = histories([], FULL)
    assert model.states(item_id).isfinite().all()
    users = model.user_vector(item_id)
    torch.testing.assert_close(users[0], model.cold_start, rtol=0, atol=0)
    torch.testing.assert_close(users[1], model.user_vector(histories(FULL))[0], **CLOSE)
    assert not torch.allclose(users[1], model.cold_start)
    alone = model.user_vector(histories([]))
    torch.testing.assert_close(alone[0], model.cold_start, rtol=0, atol=0)


@torch.no_grad()
def test_the_newest_event_counts_whatever_the_length(model):
    """All of a history is looked at: each of its events changes the user."""
    user = model.user_vector(histories(FULL))
    for place in range(L):
        other = histories(FULL)
        other[0, place] = 12
        assert not torch.allclose(model.user_vector(other), user, atol=1e-5), place


@torch.no_grad()
def test_order_counts_where_the_encoder_says_so(name, model):
    swapped = histories([*FULL[:-2], FULL[-1], FULL[-2]])
    same = torch.allclose(model.user_vector(swapped), model.user_vector(histories(FULL)), atol=1e-4)
    assert same != encoder_class(name).sees_order


@torch.no_grad()
def test_dropout_is_for_training_only(name):
    model = build(name, dropout=0.5, item_dropout=0.0)
    assert not torch.equal(model.train().states(SOME), model.states(SOME))
    assert torch.equal(model.eval().states(SOME), model.states(SOME))
    model = build(name, dropout=0.0, item_dropout=0.5)
    assert not torch.equal(model.train().states(SOME), model.states(SOME))
    model = build(name, dropout=0.0, item_dropout=0.0)
    torch.testing.assert_close(model.train().states(SOME), model.eval().states(SOME), **CLOSE)


@torch.no_grad()
def test_each_field_changes_the_model(name, field):
    values = {"dim": (16, 24), "max_length": (4, 8)}.get(field, (2, 4))
    scores = []
    for value in values:
        model = build(name, dropout=0.0, **{field: value})
        scores.append(ModelScorer(model)([np.array(FULL, np.int32)]))
    assert not np.allclose(scores[0], scores[1], atol=1e-4)


@torch.no_grad()
def test_the_scorer_keeps_the_newest_of_a_long_history(model):
    long = np.array([12, 11, 10, *FULL], np.int32)
    empty = np.array([], np.int32)
    scores = ModelScorer(model)([long, np.array(FULL, np.int32), long[-3:], empty])
    assert scores.shape == (4, V)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5, atol=1e-5)
    item_id = histories(FULL, FULL[-3:], [])
    device = model.scores(model.user_vector(item_id), item_id)[:, 1:].numpy()
    np.testing.assert_allclose(scores[1:], device, rtol=1e-5, atol=1e-5)


def test_histories_are_padded_at_the_end():
    rows = [np.array(row, np.int32) for row in ([1, 2, 3, 4], [5], [])]
    assert pad_histories(rows, 3).tolist() == [[2, 3, 4], [5, 0, 0], [0, 0, 0]]
    assert pad_histories(rows[2:], 3).tolist() == [[0]]
    assert pad_histories([], 3).shape == (0, 1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.9, 0.999])
def test_dropout_drops_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    x = torch.ones(400, 500)
    y = Dropout(share).train()(x)
    assert (y == 0).float().mean() == pytest.approx(share, abs=0.006)
    assert y.mean() == pytest.approx(1, abs=0.15)
    hidden = ItemDropout(share).train()(torch.ones(300, 600, 4))
    assert (hidden == 0).float().mean() == pytest.approx(share, abs=0.006)
    assert ((hidden == 0).all(-1) | (hidden == 1).all(-1)).all()
    assert torch.equal(Dropout(share).eval()(x), x)
    assert torch.equal(ItemDropout(share).eval()(x), x)


def test_dropout_draws_from_torchs_own_generator():
    x, drop = torch.ones(3, 7), Dropout(0.5).train()
    torch.manual_seed(5)
    first, second = drop(x), drop(x)
    torch.manual_seed(5)
    assert torch.equal(drop(x), first)
    assert not torch.equal(first, second)
