"""The catalogue: ids as in the log, titles, and attributes by what they hold."""

from decimal import Decimal

import polars as pl
import pytest

from pocketrec.config.sections import Config
from pocketrec.errors import DataError
from pocketrec.ingest.read import describe_source, read_catalogue, read_events
from pocketrec.schema import Column


def catalogue(folder, items, log="user,item,ts\nu,1,1\nu,2,2\n", name="items.csv", **data):
    (folder / "log.csv").write_text(log)
    if isinstance(items, str):
        (folder / name).write_text(items)
    else:
        items.write_parquet(folder / name)
    names = {"path": "log.csv", "user": "user", "item": "item", "time": "ts", "items": name}
    config = Config.parse({"data": names | data}, name="test", folder=folder)
    assert describe_source(config)["items"][0]["name"] == name
    frame = read_catalogue(config)
    assert frame.equals(read_catalogue(config, read_events(config)))
    return frame


def test_attributes_of_a_csv_are_what_all_their_values_are(tmp_path):
    text = "id,title,year,price,tags,shelf,code\n1,One,1999,1.5,a|b,x,007\n2,,,2,,y,8\n"
    items = catalogue(tmp_path, text)
    assert items.to_dicts() == [
        {
            Column.ITEM: 1,
            Column.TITLE: "One",
            "year": 1999,
            "price": 1.5,
            "tags": ["a", "b"],
            "shelf": "x",
            "code": "007",
        },
        {
            Column.ITEM: 2,
            Column.TITLE: None,
            "year": None,
            "price": 2.0,
            "tags": [],
            "shelf": "y",
            "code": "8",
        },
    ]


def test_ids_get_the_type_of_the_log(tmp_path):
    numbers = catalogue(tmp_path, "id,title\n1,One\nx,Never met\n")
    assert numbers[Column.ITEM].to_list() == [1]
    log = "user,item,ts\nu,01,1\n"
    assert catalogue(tmp_path, "id\n01\n1\n", log)[Column.ITEM].to_list() == ["01", "1"]


def test_parquet_and_jsonl_keep_their_types(tmp_path):
    table = pl.DataFrame(
        {"id": [1, 2], "name": ["a", "b"], "tags": [["x"], None], "ok": [True, None]}
    )
    items = catalogue(tmp_path, table, name="items.parquet", items_title="name")
    assert items[Column.TITLE].to_list() == ["a", "b"]
    assert items["tags"].to_list() == [["x"], []]
    assert items["ok"].to_list() == ["true", None]
    lines = '{"id": 1, "tags": ["x", "y"], "n": 3}\n{"id": 2, "tags": []}\n'
    items = catalogue(tmp_path, lines, name="items.jsonl")
    assert items[Column.TITLE].to_list() == [None, None]
    assert items["tags"].to_list() == [["x", "y"], []]
    assert items["n"].to_list() == [3, None]


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ("sku,title\n1,One\n", "items.csv has no column 'id'.*data.items_id = 'sku'"),
        ("id,title\n1,One\n1,Two\n", "the id 1 more than once"),
        ("id,title\n1,One\n,Two\n", "1 of 2 rows without an id"),
        ("id,title,count\n1,One,2\n", "'count', a name that pocketrec uses itself"),
        ("id,title\n1,One,2\n", "items.csv line 2"),
        ("id,title\n ,One\n", "1 of 1 rows without an id"),
        ("id,title,title\n1,One,Two\n", "two columns named 'title'"),
    ],
)
def test_faults_of_a_catalogue(tmp_path, items, sentence):
    with pytest.raises(DataError, match=sentence):
        catalogue(tmp_path, items)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("ok", [[None, "a"], [None]], [["a"], []]),
        ("ok", [[1.0, float("nan")], [2.5]], [["1"], ["2.5"]]),
        ("ok", [None, None], [None, None]),
        ("ok", [Decimal("1.50"), None], [1.5, None]),
        ("ok", pl.Series([1, 2], dtype=pl.UInt64), [1, 2]),
        ("ok", pl.Series([2**62, 1]).cast(pl.Datetime("ms")), [None, "1970-01-01 00:00:00.001000"]),
        ("ok", [[["a"]], [["b"]]], "'ok' of items.parquet is of type List"),
        ("ok", [[b"\xff"], [b"a"]], "'ok' of items.parquet is of type Binary"),
        ("title", [["a"], ["b"]], "'title' of items.parquet is of type List"),
        ("title", [b"\xff", b"a"], "'title' of items.parquet is of type Binary"),
        ("id", [[1], [2]], "'id' of items.parquet is of type List"),
        ("id", [{"a": 1}, {"a": 2}], "'id' of items.parquet is of type Struct"),
        ("user", [1, 2], "'user', a name that pocketrec uses itself"),
    ],
)
def test_types_of_parquet_that_a_catalogue_has_or_has_not(tmp_path, name, values, expected):
    table = pl.DataFrame({"id": [1, 2], "title": ["a", "b"]}).with_columns(pl.Series(name, values))
    if isinstance(expected, list):
        assert catalogue(tmp_path, table, name="items.parquet")[name].to_list() == expected
        return
    with pytest.raises(DataError, match=expected):
        catalogue(tmp_path, table, name="items.parquet")


def test_ids_that_are_floats_are_those_of_a_log_of_text(tmp_path):
    table = pl.DataFrame({"id": [1.0, 2.0]})
    log = "user,item,ts\nu,1,1\nu,x,1\n"
    items = catalogue(tmp_path, table, log, name="items.parquet")
    assert items[Column.ITEM].to_list() == ["1", "2"]


def test_values_between_strokes_have_no_blanks_around_them(tmp_path):
    """As `add-items` reads them: "Drama" is not " Drama"."""
    items = catalogue(tmp_path, "id,tags\n1,Comedy | Drama|\n2,|\n")
    assert items["tags"].to_list() == [["Comedy", "Drama"], []]


def test_no_catalogue_is_none(tmp_path):
    config = Config.parse({"data": {"path": "log.csv"}}, name="test", folder=tmp_path)
    assert read_catalogue(config) is None
