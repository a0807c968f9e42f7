"""Intervals: they hold the mean, narrow with users, repeat by seed, and cover as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import DataError
from pocketrec.evaluation.bootstrap import (
    centred_interval,
    interval,
    intervals,
    paired_difference,
    resamples,
)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.integers(1, 50),
    st.integers(0, 2**32),
)
def test_an_interval_holds_its_mean(values, samples, seed):
    measure = interval(values, samples, seed)
    assert measure.value == pytest.approx(np.mean(values))
    assert measure.low <= measure.value <= measure.high
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= measure.low
    assert measure.high <= max(values) + slack


def test_it_repeats_by_seed_and_only_by_seed():
    values = np.arange(50) / 50
    assert interval(values, 200, seed=3) == interval(values, 200, seed=3)
    assert interval(values, 200, seed=3) != interval(values, 200, seed=4)


def test_four_times_the_users_halve_the_width():
    few, many = np.tile([0.0, 1.0], 50), np.tile([0.0, 1.0], 200)
    narrow, wide = interval(many, 2000, seed=1), interval(few, 2000, seed=1)
    ratio = (narrow.high - narrow.low) / (wide.high - wide.low)
    assert ratio == pytest.approx(0.5, abs=0.06)


def test_the_width_is_the_textbook_one():
    values = np.tile([0.0, 1.0], 200)  # standard error 0.5 / sqrt(400) = 0.025
    measure = interval(values, 4000, seed=1)
    assert measure.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.004)
    assert measure.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.004)


def test_nineteen_of_twenty_intervals_hold_the_truth():
    generator = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        measure = interval(generator.random(80) < 0.3, 400, seed)
        hits += measure.low <= 0.3 <= measure.high
    assert 0.88 <= hits / 200 <= 0.99


def test_columns_are_measured_as_if_alone():
    values = np.random.default_rng(0).random((40, 3))
    together = intervals(values, 100, seed=9)
    for column, measure in enumerate(together):
        alone = interval(values[:, column], 100, seed=9)
        assert measure.to_json() == pytest.approx(alone.to_json())


def test_each_resample_draws_as_many_users_as_there_are():
    # Several blocks, the last one smaller.
    blocks = list(resamples(users=10, samples=20, seed=0, cells=64))
    assert [len(block) for block in blocks] == [6, 6, 6, 2]
    weights = np.concatenate(blocks)
    assert (weights.sum(axis=1) == 10).all()
    assert 0.55 < (weights > 0).mean() < 0.75  # 1 - 0.9^10 = 0.65
    assert (weights == np.concatenate(list(resamples(10, 20, 0)))).all()


def test_a_steady_gain_is_certain_even_where_users_differ_much():
    hard = np.random.default_rng(0).random(100) * 10
    gain = paired_difference(hard + 0.1, hard, 500, seed=1)
    assert gain.low == pytest.approx(0.1)
    assert gain.high == pytest.approx(0.1)
    apart = interval(hard, 500, seed=1)
    assert apart.high - apart.low > 0.5


def test_paired_values_must_be_of_the_same_users():
    with pytest.raises(ValueError, match="same users"):
        paired_difference([1.0], [1.0, 2.0], 10, seed=1)


def test_a_union_is_centred_on_itself():
    def biased(weights):  # share of users drawn: always below the 1 of all users
        return (weights > 0).mean(axis=1)

    measure = centred_interval(1.0, biased, users=100, samples=500, seed=1)
    assert measure.low < 1.0 < measure.high
    assert measure.high - measure.low < 0.2


def test_no_users_or_no_numbers_are_refused():
    with pytest.raises(DataError, match="no user"):
        interval([], 10, seed=1)
    with pytest.raises(DataError, match="finite"):
        interval([1.0, float("nan")], 10, seed=1)
