"""Values become rows and weights as documented; what is missing or unknown has a row of its own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.encoding import MISSING, Categories, Number

numbers = st.floats(-1e9, 1e9)
knots = st.lists(numbers, min_size=1, max_size=6, unique=True).map(lambda k: tuple(sorted(k)))


def test_one_value_is_one_row():
    genres = Categories(("Comedy", "Drama"))
    assert genres.rows == 3
    assert genres.encode("Comedy") == [(1, 1.0)]
    assert genres.encode(["Drama"]) == [(2, 1.0)]


def test_several_values_share_the_weight():
    weight = 1 / math.sqrt(2)
    assert Categories(("a", "b")).encode(["b", "a"]) == [(2, weight), (1, weight)]


@pytest.mark.parametrize("nothing", [None, [], [None]])
def test_nothing_is_missing(nothing):
    assert Categories(("a",)).encode(nothing) == [(MISSING, 1.0)]


def test_an_unknown_value_is_missing():
    assert Categories(("a",)).encode("z") == [(MISSING, 1.0)]
    assert [row for row, _ in Categories(("a",)).encode(["z", "a"])] == [MISSING, 1]


def test_numbers_that_are_categories_are_known_by_their_digits():
    assert Categories(("1999", "2000")).encode(2000) == [(2, 1.0)]


def test_a_number_lies_between_its_knots():
    assert Number((10.0, 20.0, 40.0)).encode(25) == [(2, 0.75), (3, 0.25)]


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_missing(nothing):
    assert Number((1.0, 2.0)).encode(nothing) == [(MISSING, 1.0)]
    assert Number(()).encode(3) == [(MISSING, 1.0)]


@given(knots, numbers)
def test_a_number_is_what_its_weights_say(knots, value):
    rows = Number(knots).encode(value)
    assert all(1 <= row <= len(knots) and 0 <= weight <= 1 for row, weight in rows)
    assert sum(weight for _, weight in rows) == pytest.approx(1)
    meant = min(max(value, knots[0]), knots[-1])
    found = sum(knots[row - 1] * weight for row, weight in rows)
    assert found == pytest.approx(meant, rel=1e-9, abs=1e-6)
