"""The catalogue's attributes become one table's rows; what does not fit is named."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import ConfigError
from pocketrec.features.attributes import KNOTS, encode_attributes, fit_encoding
from pocketrec.features.encoding import Categories, Number
from pocketrec.preparation.attributes import read_attributes

CATALOGUE = pl.DataFrame(
    {
        "index": [1, 2, 3],
        "item": ["x", "y", "z"],
        "count": [9, 5, 1],
        "title": ["X", "Y", None],
        "genres": [["Drama", "Comedy"], [], ["Comedy"]],
        "year": [1990, None, 2000],
        "brand": ["acme", "acme", None],
    }
)


def test_without_attributes_there_is_nothing_to_read():
    assert read_attributes(CATALOGUE, {}) is None


def test_rows_lie_one_attribute_after_the_other():
    attributes = read_attributes(CATALOGUE, {"genres": "category", "year": "number"})
    assert attributes.encodings["genres"] == Categories(("Comedy", "Drama"))
    years = attributes.encodings["year"]
    assert isinstance(years, Number)
    assert (years.knots[0], years.knots[-1], len(years.knots)) == (1990, 2000, KNOTS)
    assert attributes.table_rows == 3 + KNOTS + 1
    made = [
        {(row, round(float(w), 3)) for row, w in zip(rows, weights, strict=True) if w}
        for rows, weights in zip(attributes.rows, attributes.weights, strict=True)
    ]
    first = 3  # of the year's rows, after missing, Comedy and Drama
    assert made == [
        set(),  # padding
        {(1, 0.707), (2, 0.707), (first + 2, 1.0)} - {(first + 2, 1.0)} | {(first + 1, 1.0)},
        {(0, 1.0), (first, 1.0)},
        {(1, 1.0), (first + KNOTS, 1.0)},
    ]


def test_text_and_whole_numbers_can_be_categories():
    attributes = read_attributes(CATALOGUE, {"year": "category", "brand": "category"})
    assert attributes.encodings == {
        "year": Categories(("1990", "2000")),
        "brand": Categories(("acme",)),
    }


def test_an_attribute_without_any_value_is_missing_everywhere():
    empty = CATALOGUE.with_columns(pl.lit(None, pl.Float64).alias("price"))
    attributes = read_attributes(empty, {"price": "number"})
    assert attributes.table_rows == 1
    assert np.array_equal(attributes.rows, [[0]] * 4)
    assert attributes.weights.ravel().tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("name", ["colour", "title", "count", "item"])
def test_an_unknown_attribute_is_named_with_those_there_are(name):
    with pytest.raises(ConfigError, match=rf"{name}.*it has genres, year, brand"):
        read_attributes(CATALOGUE, {name: "category"})


@pytest.mark.parametrize("name", ["brand", "genres"])
def test_text_is_no_number(name):
    with pytest.raises(ConfigError, match=rf'features.item.{name} = "number".*"category"'):
        read_attributes(CATALOGUE, {name: "number"})


def test_categories_of_numbers_and_truths_are_found_again():
    """The text that a value is fitted by is the text that it is encoded by."""
    table = CATALOGUE.with_columns(
        pl.Series("size", [7.0, 7.5, None]), pl.lit(value=True).alias("new")
    )
    attributes = read_attributes(table, {"size": "category", "new": "category"})
    assert attributes.encodings == {"size": Categories(("7", "7.5")), "new": Categories(("true",))}
    assert attributes.rows.tolist() == [[0, 0], [1, 4], [2, 4], [0, 4]]


VALUES = {
    "number": st.none() | st.floats(-5, 5) | st.just(1.5),
    "category": st.none() | st.sampled_from([1, 2, 1.0, 2.5, True, "1", "a"]),
    "several": st.lists(st.sampled_from([1, 2, True, "a"]), max_size=3),
}


@given(st.lists(st.fixed_dictionaries(VALUES), max_size=12))
def test_all_at_once_items_are_what_each_is_alone(items):
    kinds = {"number": "number", "category": "category", "several": "category"}
    values = {name: [item[name] for item in items] for name in kinds}
    encodings = {name: fit_encoding(values[name], kind) for name, kind in kinds.items()}
    encoded = encode_attributes(values, encodings)
    for item, rows, weights in zip(items, encoded.rows[1:], encoded.weights[1:], strict=True):
        expected, first = [], 0
        for name, encoding in encodings.items():
            expected += [(first + row, weight) for row, weight in encoding.encode(item[name])]
            first += encoding.rows
        expected += [(0, 0.0)] * (len(rows) - len(expected))
        assert rows.tolist() == [row for row, _ in expected]
        assert weights.tolist() == np.float32([weight for _, weight in expected]).tolist()
