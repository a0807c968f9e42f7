"""Features of events come alike from every format, as devices send them."""

import polars as pl
import pytest

from pocketrec.config.sections import Config
from pocketrec.errors import DataError
from pocketrec.features.encoding import Categories, Feature
from pocketrec.ingest.read import read_events
from pocketrec.preparation.features import encode
from support.event_files import feature


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_features_of_events_come_alike_from_every_format(tmp_path, ending):
    rows = [("a", 1, 10, ["x", "y"], 2.5), ("a", 2, 11, [], None), ("b", 1, 12, ["7"], 3.0)]
    frame = pl.DataFrame(rows, schema=["user", "item", "time", "tags", "price"], orient="row")
    file = tmp_path / f"events.{ending}"
    if ending == "csv":
        frame.with_columns(pl.col("tags").list.join("|")).write_csv(file)
    else:
        getattr(frame, {"jsonl": "write_ndjson"}.get(ending, "write_parquet"))(file)
    document = {"data": {"path": str(file), "user": "user", "item": "item", "time": "time"}}
    document["features"] = {"event": {"tags": "category", "price": "number"}}
    events = read_events(Config.parse(document, name="t")).collect()
    assert events["event:price"].to_list() == [2.5, None, 3.0]
    tags = [value or [] for value in events["event:tags"].to_list()]
    assert tags == [["x", "y"], [], ["7"]]


def test_a_feature_that_is_no_number_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user,item,time,price\na,1,1,cheap\nb,1,2,\n")
    document = {"data": {"path": str(tmp_path / "events.csv")}, "features": {}}
    document["data"] |= {"user": "user", "item": "item", "time": "time"}
    document["features"]["event"] = {"price": "number"}
    with pytest.raises(DataError, match=r"'price'.*1 of 2 rows.*'cheap' instead of a number"):
        read_events(Config.parse(document, name="t"))
    document["features"]["event"] = {"prize": "number"}
    with pytest.raises(DataError, match=r"features.event.prize = 'price'"):
        read_events(Config.parse(document, name="t"))


def test_categories_that_are_floats_are_left_to_their_encoding(tmp_path):
    """It takes NaN as missing and 7.0 as "7", as devices do; spelled here, NaN was a value."""
    rows = {"user": [1, 1], "item": [1, 2], "time": [1, 2], "code": [7.0, float("nan")]}
    pl.DataFrame(rows).write_parquet(tmp_path / "events.parquet")
    document = {"data": {"path": str(tmp_path / "events.parquet")}}
    document["data"] |= {"user": "user", "item": "item", "time": "time"}
    document["features"] = {"event": {"code": "category"}}
    events = read_events(Config.parse(document, name="t")).collect()
    feature = Feature("code", "event", Categories(("7", "NaN")))
    rows = events.with_columns(encode([feature], events.schema))["event:code"].to_list()
    assert rows == [feature.rows(7), feature.rows(None)]


@pytest.mark.parametrize(
    ("ending", "values", "expected"),
    [
        ("csv", ["[a]", "[b]"], ["[a]", "[b]"]),
        ("jsonl", ["[a]", "[1]"], ["[a]", "[1]"]),
        ("jsonl", [["a", 1, None, True], []], [["a", "1", "true"], []]),
        ("csv", ["Comedy | Drama|", "", "Comedy"], [["Comedy", "Drama"], None, ["Comedy"]]),
        ("parquet", [[1.0, float("nan")], [2.5]], [["1"], ["2.5"]]),
        ("parquet", [None, None], [None, None]),
    ],
)
def test_values_of_features_are_spelled_as_devices_send_them(tmp_path, ending, values, expected):
    assert feature(tmp_path, ending, values) == expected


@pytest.mark.parametrize("kind", ["category", "number"])
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("values", [[[["a"]]], [[{"a": 1}]], [{"a": 1}]])
def test_values_in_values_are_no_feature(tmp_path, ending, values, kind):
    with pytest.raises(DataError, match=r"'f' of a.* is of type"):
        feature(tmp_path, ending, values, kind)


def test_a_list_is_no_number(tmp_path):
    for ending in ("jsonl", "parquet"):
        with pytest.raises(DataError, match=r"\['1'\] instead of a number"):
            feature(tmp_path, ending, [[1], [2]], "number")
