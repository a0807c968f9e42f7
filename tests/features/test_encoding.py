"""Values become rows and weights as documented; what is missing or unknown has a row of its own."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import InputError
from pocketrec.features.encoding import MISSING, Bins, Categories, Feature, Number, time_feature

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
    decoded = sum(knots[row - 1] * weight for row, weight in rows)
    assert decoded == pytest.approx(meant, rel=1e-9, abs=1e-6)


TAGS = Feature("tags", "user", Categories(("7", "true", "a")), slots=3)
PRICE = Feature("price", "event", Bins((0.0, 10.0)))


def test_numbers_too_long_to_write_are_unknown_or_at_the_end():
    huge = 10**5000
    assert Categories(("7",)).encode(huge) == [(MISSING, 1.0)]
    assert Categories(("7",)).known(huge) == []
    assert Number((1.0, 2.0)).encode(huge)[-1] == (2, 1.0)
    assert Number((1.0, 2.0)).encode(-huge)[0] == (1, 1.0)
    assert (PRICE.rows(huge), PRICE.rows(-huge)) == ([3], [1])


def test_values_of_numpy_are_as_plain_ones():
    assert TAGS.rows(np.array(["a", "7"])) == TAGS.rows(["a", "7"]) == [3, 1, MISSING]
    assert TAGS.rows([np.float32(7), np.bool_(True)]) == TAGS.rows([7.0, True]) == [1, 2, MISSING]
    assert PRICE.rows(np.int64(11)) == PRICE.rows(np.float32(11)) == PRICE.rows(11) == [3]


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a"}, object(), b"a", 1j, [["a"]], [np.zeros(2)]])
def test_what_is_no_value_is_refused(value):
    with pytest.raises(InputError, match=r"^feature 'tags': [^\n]* is neither text nor a number$"):
        TAGS.rows(value)
    with pytest.raises(InputError, match=r"^feature 'price': [^\n]* is not a number$"):
        PRICE.rows(value)


def test_what_is_no_number_is_refused_for_items_too():
    for value in ("1", True, [], {}):
        with pytest.raises(InputError, match="is not a number"):
            Number((1.0, 2.0)).encode(value)


def test_unknown_values_are_named():
    assert TAGS.unknown(["a", "b", None, 8, float("nan")]) == ["b", "8"]
    assert PRICE.unknown(1e300) == []


@pytest.mark.parametrize("edges", [[math.nan], [0.0, math.inf], [-math.inf], [True], [2, 1]])
def test_edges_that_are_none_are_refused(edges):
    entry = PRICE.to_json() | {"encoding": {"kind": "bins", "edges": edges}, "rows": len(edges) + 2}
    with pytest.raises(ValueError):
        Feature.from_json(entry)


@pytest.mark.parametrize("slots", [0, -1, True, 1.5, 2**16 + 1, 10**30, None])
def test_slots_that_cannot_be_are_refused(slots):
    assert Feature.from_json(PRICE.to_json() | {"slots": 2**16}).rows(1)[:2] == [2, MISSING]
    with pytest.raises(ValueError):
        Feature.from_json(PRICE.to_json() | {"slots": slots})


def test_features_come_back_from_json():
    for feature in (TAGS, PRICE, *map(time_feature, ("gap", "now", "hour", "weekday"))):
        assert Feature.from_json(feature.to_json()) == feature
