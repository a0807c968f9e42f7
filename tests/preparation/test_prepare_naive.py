"""The whole preparation gives what the naive one in plain Python gives."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.errors import DataError
from support.naive_preparation import naive, read_world
from support.small_logs import make_config, make_events

few = settings(max_examples=40)
ratings = st.sampled_from([1.0, 3.0, 5.0])
integers = st.tuples(st.integers(-3, 9), st.integers(-2, 6), st.integers(0, 30), ratings)
strings = st.tuples(
    st.sampled_from(["", "a", "B", "é", "zz", "10", "9"]),
    st.sampled_from(["x", "Y", "ö", "10", "9"]),
    st.integers(0, 30),
    ratings,
)
configs = st.builds(
    make_config,
    split=st.one_of(
        st.just({"kind": "leave-one-out"}),
        st.builds(
            lambda seed: {
                "kind": "users",
                "seed": seed,
                "valid_fraction": 0.3,
                "test_fraction": 0.3,
            },
            st.integers(0, 9),
        ),
        st.just({"kind": "time", "valid_fraction": 0.2, "test_fraction": 0.3}),
    ),
    exclude_seen=st.booleans(),
    rating=st.just("rating"),
    min_rating=st.sampled_from([None, 2.0]),
    min_user_events=st.integers(1, 3),
    min_item_events=st.integers(1, 3),
    min_item_users=st.integers(1, 4),
    buckets=st.sampled_from([1, 2, 5]),
)


@few
@given(st.lists(st.one_of(integers), min_size=12, max_size=90), configs)
def test_it_equals_the_naive_preparation(prepare_log, rows, config):
    compare(prepare_log, rows, config, make_events(rows))


@few
@given(st.lists(strings, min_size=12, max_size=60), configs)
def test_it_equals_the_naive_preparation_for_string_ids(prepare_log, rows, config):
    compare(prepare_log, rows, config, make_events(rows, pl.String, pl.String))


def compare(prepare_log, rows, config, events):
    wanted = naive(rows, config)
    if wanted is None:
        with pytest.raises(DataError):
            prepare_log(events, config)
        return
    assert read_world(prepare_log(events, config)) == wanted
