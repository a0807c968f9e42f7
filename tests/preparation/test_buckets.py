"""The stable hash, against an implementation of its definition in plain Python."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.preparation.buckets import bucket_of, choose_bucket_count, stable_hash, unit_interval
from support.plain_hashes import expected, fnv1a, splitmix64


def test_the_reference_has_the_published_values():
    """splitmix64.c's first number from seed 0, and the test vectors of the FNV page."""
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    assert fnv1a(b"") == 0xCBF29CE484222325
    assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
    assert fnv1a(b"foobar") == 0x85944171F73967E8


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, -1, 2**63 - 1, -(2**63), 7],
        ["", "a", "foobar", "x" * 40, "été", "日本語", "🎬", "a\0b", "0"],
    ],
)
def test_hashes_have_fixed_values(values):
    assert stable_hash(pl.Series(values)).tolist() == [expected(value) for value in values]


def test_one_hash_is_written_down_so_that_it_never_changes():
    assert stable_hash(pl.Series(["user-1"])).tolist() == [0xF16D8D440FBB25D5]
    assert stable_hash(pl.Series([42])).tolist() == [0xBDD732262FEB6E95]


@given(st.lists(st.text(max_size=30)), st.integers(0, 5), st.integers(0, 5))
def test_strings_hash_alike_wherever_they_stand(values, skip, drop):
    series = pl.Series(values, dtype=pl.String)
    part = series[skip : len(values) - drop] if skip < len(values) - drop else series[:0]
    assert stable_hash(part).tolist() == [expected(value) for value in part.to_list()]


@given(st.lists(st.lists(st.text(max_size=9), max_size=4), max_size=4))
def test_chunks_do_not_matter(chunks):
    series = pl.Series([], dtype=pl.String)
    for chunk in chunks:
        series = series.append(pl.Series(chunk, dtype=pl.String))
    values = [value for chunk in chunks for value in chunk]
    assert stable_hash(series).tolist() == [expected(value) for value in values]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_hash_as_defined(values):
    assert stable_hash(pl.Series(values, dtype=pl.Int64)).tolist() == [*map(expected, values)]


@pytest.mark.parametrize("buckets", [1, 2, 7, 4096])
def test_buckets_are_hashes_modulo(buckets):
    users = pl.Series("user", [f"u{i}" for i in range(200)])
    series = bucket_of(users, buckets)
    assert series.name == "user"
    assert series.to_list() == [expected(user) % buckets for user in users.to_list()]


def test_chances_are_even_and_depend_on_the_seed():
    users = pl.Series("user", range(4000))
    first, second = (unit_interval(users, seed).to_numpy() for seed in (1, 2))
    for chances in (first, second):
        assert chances.min() >= 0
        assert chances.max() < 1
        for share in (0.1, 0.5, 0.9):  # 5 standard deviations
            assert abs((chances < share).mean() - share) < 0.04
    both = ((first < 0.5) & (second < 0.5)).mean()
    assert abs(both - 0.25) < 0.04
    assert (unit_interval(users, 1).to_numpy() == first).all()
    assert unit_interval(users.reverse(), 1).to_list() == first[::-1].tolist()


def test_the_largest_seed_works():
    assert 0 <= unit_interval(pl.Series([1]), 2**32 - 1).item() < 1


def test_memory_is_set_by_buckets_of_about_as_many_rows_each():
    assert [choose_bucket_count(rows) for rows in (0, 1_000_000, 10**8, 10**9, 10**13)] == [
        8, 8, 67, 667, 4096
    ]  # fmt: skip
