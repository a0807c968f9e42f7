"""Every fault of a log gets one sentence that names its place."""

import gzip
from datetime import date

import polars as pl
import pytest

from pocketrec.errors import DataError
from pocketrec.schema import Column
from support.event_files import events, write

HEAD = "user,item,ts\n"
CUT_SHORT = gzip.compress((HEAD + "u,1,1\n").encode(), mtime=0)[:-9]


@pytest.mark.parametrize(
    ("name", "content", "data", "sentence"),
    [
        ("a.csv", HEAD + "u,1,1\n", {"time": "timestamp"},
         r"^a.csv has no column 'timestamp' \(found: user, item, ts\); "
         r"name it with data.time = 'ts'$"),
        ("a.csv", HEAD + "u,1,1\n", {"user": "shopper"}, r"data.user = 'user'"),
        ("a.csv", "x,item,ts\nu,1,1\n", {}, r"data.user = \"\.\.\.\""),
        ("a.csv", "", {}, "a.csv is empty"),
        ("a.jsonl", "", {}, "a.jsonl is empty"),
        ("a.csv", HEAD, {}, "holds no events"),
        ("a.csv", HEAD + "u,1,1\n,1,2\n,1,3\n", {}, r"'user' .* 2 of 3 rows.*row 2.*nothing"),
        ("a.csv", HEAD + 'u,1,1\nu,"",2\n', {}, "'item' is not usable in 1 of 2"),
        ("a.csv", HEAD + "u,1,1\nu,1,NaN\n", {}, "row 2, which has 'NaN'"),
        ("a.csv", HEAD + "u,1,inf\n", {}, "row 1, which has 'inf'"),
        ("a.csv", HEAD + "u,1,1\nu,1,-3\n", {}, "row 2, which has '-3' .* not negative"),
        ("a.csv", HEAD + "u,1,1\nu,1,\n", {}, "row 2, which has nothing"),
        ("a.csv", HEAD + "u,1,2024-01-01\nu,1,soon\n", {}, "'soon' instead of an ISO 8601"),
        ("a.csv", HEAD + "u,1,1960-01-01\n", {}, "from 1970 on"),
        ("a.csv", HEAD + "u,1,1700000000\nu,1,1700000000000\n", {}, "set data.time_format"),
        ("a.csv", HEAD + "u,1,1700000000000000\n", {}, "after the year 9999"),
        ("a.csv", HEAD + "u,1,5\n", {"time_format": "iso8601"}, "holds numbers"),
        ("a.csv", HEAD + "u,1,2024-01-01\n", {"time_format": "seconds"}, "holds text"),
        ("a.csv", HEAD + "u,1,1\nu,1\n", {}, "a.csv line 3 has 2 fields, but its header has 3"),
        ("a.csv", HEAD + "u,1,1\nu,1,2,3\n", {}, "line 3 has 4 fields, but its header has 3"),
        ("a.csv", HEAD + "u,1,1\nu,\"1,2\n", {}, "a.csv cannot be read as CSV"),
        ("a.csv", (HEAD + "u,é,1\n").encode("latin-1"), {}, "a.csv cannot be read.*UTF-8"),
        ("a.csv.gz", CUT_SHORT, {}, "a.csv.gz cannot be"),
        ("a.jsonl", '{"user":"u","item":1,"ts":1}\n{"user":\n', {}, "one JSON object"),
        ("a.jsonl", '\ufeff{"user":"u","item":1,"ts":1}\n', {}, "byte-order mark"),
        ("a.parquet", HEAD + "u,1,1\n", {}, "a.parquet is not a Parquet file"),
        ("a.txt", HEAD, {}, "a.txt has an unknown ending"),
        ("a.csv", "user,item,ts,r\nu,1,1,4\nu,1,1,\n", {"rating": "r"}, "'r' is not usable in 1"),
        # What a reader takes in silence.
        ("a.csv", (HEAD + "u,1,1\n").encode("utf-16"), {}, "UTF-16"),
        ("a.csv", (HEAD + "u,1,1\n").replace("\n", "\r"), {}, "ends its lines with CR alone"),
        ("a.csv", "user,item,ts,user\nu,1,1,v\n", {}, "two columns named 'user'"),
        ("a.csv", "user,item,ts,note\nu,1,1,a\n,,,lost\n", {}, "1 rows of 'a.csv' are not blank"),
        ("a.csv", 'user,item,ts,n\nu,1,1,a\n"v",2,2\n', {}, "line 3 has 3 fields, but its .* 4"),
        ("a.csv", 'user,item,ts,n\nu,1,1,"a\nb"\nv,2,2\n', {}, "line 4 has 3 fields, but its .* 4"),
        ("a.csv", HEAD + " ,1,1\n", {}, "which has ' ' instead of an id"),
        ("a.csv", HEAD + "u\0,1,1\n", {}, r"which has 'u\\x00' instead of an id"),
        ("a.csv", '"a\nb",item,ts\nu,1,1\n', {}, r"\(found: a\\nb, item, ts\)"),
        ("a.csv", ",".join(f"c{n}" for n in range(99)) + "\n", {}, "c19 and 79 more"),
        ("a.jsonl", '{"user":"\\ud800","item":1,"ts":1}\n', {}, "instead of an id"),
        ("a.jsonl", '{"user":{"a":1},"item":1,"ts":1}\n', {}, "'user' of .* is of type Struct"),
        ("a.jsonl", '{"user":["a"],"item":1,"ts":1}\n', {}, "'user' of a.jsonl is of type List"),
    ],
)  # fmt: skip
def test_every_fault_gets_one_sentence(tmp_path, name, content, data, sentence):
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=sentence) as caught:
        events(tmp_path, name, **data)
    assert "\n" not in str(caught.value)


def test_a_fault_in_one_of_many_files_names_the_file(tmp_path):
    write(tmp_path, "a.csv", [("u", 1, 1)])
    (tmp_path / "b.csv").write_text(HEAD + 'u,"1,2\n')
    with pytest.raises(DataError, match=r"b\.csv cannot be read"):
        events(tmp_path, ".")


def test_files_that_do_not_belong_together(tmp_path):
    write(tmp_path, "a.csv", [("u", 1, 1)])
    write(tmp_path, "b.csv", [("u", 1, 1, 1)], ("user", "item", "ts", "more"))
    with pytest.raises(DataError, match=r"b.csv has other columns than a.csv"):
        events(tmp_path, ".")
    write(tmp_path, "b.parquet", [("u", 1, 1)])
    with pytest.raises(DataError, match=r"different formats \(csv, parquet\)"):
        events(tmp_path, ".")
    write(tmp_path, "c.parquet", [("u", "x", 1)])
    with pytest.raises(DataError, match=r"'item' is String in c.parquet, but Int64 in b.parquet"):
        events(tmp_path, "*.parquet")


def test_parquet_columns_without_single_values(tmp_path):
    pl.DataFrame({"user": ["u"], "item": [[1]], "ts": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'item' of a.parquet is of type List"):
        events(tmp_path, "a.parquet")


DAY = pl.Series([date(2024, 1, 2), date(2024, 1, 3)])


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("user", [2.0**60, 1.0], "1.152921504606847e\\+18 instead of an id"),
        ("ts", pl.Series([2**62, 1]).cast(pl.Datetime("ms")), "a date from 1970 on"),
        ("ts", pl.Series([-(2**62), 1]).cast(pl.Datetime("us")), "a date from 1970 on"),
        ("ts", pl.Series([2**31 - 1, 1], dtype=pl.Int32).cast(pl.Date), "a date from 1970 on"),
        ("stars", DAY, "'stars' .* instead of a number"),
        ("stars", DAY.cast(pl.Datetime("us")), "'stars' .* instead of a number"),
    ],
)
def test_parquet_values_that_are_none(tmp_path, column, values, sentence):
    frame = pl.DataFrame({"user": ["u", "v"], "item": [1, 2], "ts": [1, 2], "stars": [1.0, 2.0]})
    frame.with_columns(pl.Series(column, values)).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=sentence):
        events(tmp_path, "a.parquet", rating="stars")


def test_ids_that_are_floats_are_spelled_as_integers_where_they_are(tmp_path):
    frame = pl.DataFrame({"user": [0.5, 2.0, -0.0], "item": [1, 2, 3], "ts": [1, 2, 3]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert events(tmp_path, "a.parquet")[Column.USER].to_list() == ["0.5", "2", "0"]


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x.csv", "x" * 5000, "a\0b", "y/" * 3000])
def test_a_path_that_cannot_be_is_no_file(tmp_path, path):
    with pytest.raises(DataError, match="no data file"):
        events(tmp_path, path)


def test_no_file_names_the_pattern(tmp_path):
    with pytest.raises(DataError, match=r"no data file at '.*nothing\*.csv'"):
        events(tmp_path, "nothing*.csv")
