"""Logs of one's own: every format gives the same events, and every fault one sentence."""

import gzip
import json
import shutil
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.config.load import parse_config
from pocketrec.errors import DataError
from pocketrec.features.encoding import Categories, Feature
from pocketrec.ingest import events as reader
from pocketrec.ingest.read import describe_source, read_events, read_log, read_users
from pocketrec.preparation.features import encode
from pocketrec.schema import Column

FORMATS = ["csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz", "ndjson"]


def config(folder, path, **data):
    names = {"user": "user", "item": "item", "time": "ts"}
    return parse_config({"data": {"path": path, **names, **data}}, name="test", folder=folder)


def events(folder, path, **data):
    return read_events(config(folder, path, **data)).collect()


def write(folder: Path, name: str, rows, columns=("user", "item", "ts")) -> None:
    frame = pl.DataFrame(rows, schema=list(columns), orient="row", strict=False)
    path, kind = folder / name, name.partition(".")[2].removesuffix(".gz")
    if kind == "parquet":
        frame.write_parquet(path)
        return
    if kind in ("csv", "tsv"):
        text = frame.write_csv(separator="," if kind == "csv" else "\t")
    else:
        text = "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_ids_milliseconds_and_the_order_of_rows(tmp_path, ending):
    write(tmp_path, f"log.{ending}", [("b", 7, 20), ("a", 8, 10), ("b", 7, 10)])
    found = events(tmp_path, f"log.{ending}")
    assert found.schema == {
        Column.USER: pl.String,
        Column.ITEM: pl.Int64,
        Column.TIME: pl.Int64,
        Column.ORDER: pl.UInt64,
    }
    assert found.rows() == [("b", 7, 20_000, 0), ("a", 8, 10_000, 1), ("b", 7, 10_000, 2)]


ids = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.text("ab07 -+.,\"'é\t", min_size=1, max_size=5).filter(lambda text: text.strip()),
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(ids, ids, st.integers(0, 10**10)), min_size=1, max_size=6))
def test_formats_are_equal_and_text_survives(rows):
    folder = Path(tempfile.mkdtemp())
    try:
        found = []
        for ending in ("csv", "tsv", "jsonl", "parquet"):
            write(folder, f"log.{ending}", rows)
            found.append(events(folder, f"log.{ending}", time_format="seconds"))
    finally:
        shutil.rmtree(folder)
    for other in found[1:]:
        assert other.equals(found[0])
    assert found[0][Column.USER].cast(pl.String).to_list() == [row[0] for row in rows]
    assert found[0][Column.TIME].to_list() == [row[2] * 1000 for row in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["123", "-4"], [123, -4]),
        (["007", "8"], ["007", "8"]),
        ([" 7", "8"], [" 7", "8"]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["1.0", "2"], ["1.0", "2"]),
    ],
)
def test_ids_are_integers_only_when_all_are_written_plainly(tmp_path, values, expected):
    write(tmp_path, "log.csv", [(value, 1, 1) for value in values])
    assert events(tmp_path, "log.csv")[Column.USER].to_list() == expected


def test_parquet_ids_of_other_types(tmp_path):
    frame = pl.DataFrame({"user": [1.0, 2.0], "item": [2**64 - 1, 1], "ts": [1, 2]})
    frame.with_columns(pl.col("item").cast(pl.UInt64)).write_parquet(tmp_path / "log.parquet")
    found = events(tmp_path, "log.parquet")
    assert found[Column.USER].to_list() == [1, 2]
    assert found[Column.ITEM].to_list() == [str(2**64 - 1), "1"]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    write(tmp_path, "b.csv", [("u", 3, 3)])
    write(tmp_path, "a.csv.gz", [("u", 1, 1), ("u", 2, 2)])
    (tmp_path / "c.csv").write_text("ts,user,item\n4,u,4\n")
    (tmp_path / "README.txt").write_text("not data")
    for path in (".", "*.csv*", str(tmp_path)):
        found = events(tmp_path, path)
        assert found[Column.ITEM].to_list() == [1, 2, 3, 4]
        assert found[Column.ORDER].to_list() == [0, 1, 2, 3]


def test_names_that_look_like_globs_are_names(tmp_path):
    for ending in ("csv", "jsonl", "parquet"):
        write(tmp_path, f"log[1].{ending}", [("u", 1, 1)])
        assert events(tmp_path, f"log[1].{ending}").height == 1


def test_byte_order_mark_blank_lines_quotes_and_windows_line_ends(tmp_path):
    text = '\ufeffuser,item,ts\r\n"a,b",1,5\r\n\r\nc,2,6\r\n'
    (tmp_path / "log.csv").write_bytes(text.encode())
    assert events(tmp_path, "log.csv").rows() == [("a,b", 1, 5000, 0), ("c", 2, 6000, 1)]


def test_quoted_text_may_run_over_lines(tmp_path):
    (tmp_path / "log.csv").write_text('user,item,ts,note\nu,1,5,"one\ntwo"\nv,2,6,x\n')
    assert events(tmp_path, "log.csv")[Column.USER].to_list() == ["u", "v"]


def ms(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T03:04:05Z", ms(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04:05+02:00", ms(2024, 1, 2, 1, 4, 5)),
        ("2024-01-02T03:04:05-0530", ms(2024, 1, 2, 8, 34, 5)),
        ("2024-01-02 03:04:05.678", ms(2024, 1, 2, 3, 4, 5) + 678),
        ("2024-01-02 03:04:05.678901+02", ms(2024, 1, 2, 1, 4, 5) + 678),
        ("2024-01-02T03:04", ms(2024, 1, 2, 3, 4)),
        ("2024-01-02", ms(2024, 1, 2)),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.25", 1_700_000_000_250),
        ("1700000000123", 1_700_000_000_123),
        (" 0 ", 0),
    ],
)
def test_times_in_text_are_recognised(tmp_path, text, expected):
    write(tmp_path, "log.csv", [("u", 1, text), ("u", 1, text)])
    assert events(tmp_path, "log.csv")[Column.TIME].to_list() == [expected] * 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([date(2024, 1, 2)]), ms(2024, 1, 2)),
        (pl.Series([datetime(2024, 1, 2, 3)]), ms(2024, 1, 2, 3)),
        (pl.Series([datetime(2024, 1, 2, 3)]).cast(pl.Datetime("ns")), ms(2024, 1, 2, 3)),
        (
            pl.Series([datetime(2024, 1, 2, 3)]).dt.replace_time_zone("Asia/Tokyo"),
            ms(2024, 1, 1, 18),
        ),
        (pl.Series([1.5]), 1500),
    ],
)
def test_times_of_parquet_types(tmp_path, values, expected):
    pl.DataFrame({"user": ["u"], "item": [1], "ts": values}).write_parquet(tmp_path / "l.parquet")
    assert events(tmp_path, "l.parquet")[Column.TIME].to_list() == [expected]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)), min_size=1, max_size=4))
def test_iso_times_round_trip(moments):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "log.csv", [("u", 1, f"{moment.isoformat()}Z") for moment in moments])
        found = events(Path(folder), "log.csv")[Column.TIME].to_list()
    epoch = datetime(1970, 1, 1)
    milli = (moments[0] - moments[0]).resolution * 1000
    assert found == [(moment - epoch) // milli for moment in moments]


@pytest.mark.parametrize(
    "values",
    [["b", "a", "c", "a"], [2, -1, 10, -1], [1.5, 0.25, 9.0, 0.25], ["2", "1", "10", "1"]],
)
def test_any_order_sorts_the_same_way(tmp_path, values):
    for ending in ("csv", "parquet"):
        write(tmp_path, f"log.{ending}", [("u", 1, value) for value in values])
        found = events(tmp_path, f"log.{ending}", time_format="order")[Column.TIME]
        assert found.dtype == pl.Int64
        assert found.arg_sort().to_list()[-2:] == [0, 2]
        assert found[1] == found[3]


def test_a_set_unit_beats_the_guess(tmp_path):
    write(tmp_path, "log.csv", [("u", 1, 5)])
    assert events(tmp_path, "log.csv", time_format="milliseconds")[Column.TIME].item() == 5


def test_rating_is_given_when_it_is_named(tmp_path):
    write(tmp_path, "log.csv", [("u", 1, 5, 4.5)], ("user", "item", "ts", "stars"))
    found = events(tmp_path, "log.csv", rating="stars")
    assert found[Column.RATING].to_list() == [4.5]
    assert found.schema[Column.RATING] == pl.Float32
    assert Column.RATING not in events(tmp_path, "log.csv").columns


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


def test_description_has_names_and_hashes_but_no_folders(tmp_path):
    write(tmp_path, "a.csv", [("u", 1, 1)])
    found = describe_source(config(tmp_path, "*.csv"))
    assert [file["name"] for file in found["files"]] == ["a.csv"]
    assert len(found["files"][0]["sha256"]) == 64
    assert str(tmp_path) not in json.dumps(found)
    assert read_users(config(tmp_path, "*.csv")) is None


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
    found = read_events(parse_config(document, name="t")).collect()
    assert found["event:price"].to_list() == [2.5, None, 3.0]
    tags = [value or [] for value in found["event:tags"].to_list()]
    assert tags == [["x", "y"], [], ["7"]]


def test_a_feature_that_is_no_number_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user,item,time,price\na,1,1,cheap\nb,1,2,\n")
    document = {"data": {"path": str(tmp_path / "events.csv")}, "features": {}}
    document["data"] |= {"user": "user", "item": "item", "time": "time"}
    document["features"]["event"] = {"price": "number"}
    with pytest.raises(DataError, match=r"'price'.*1 of 2 rows.*'cheap' instead of a number"):
        read_events(parse_config(document, name="t"))
    document["features"]["event"] = {"prize": "number"}
    with pytest.raises(DataError, match=r"features.event.prize = 'price'"):
        read_events(parse_config(document, name="t"))


def test_categories_that_are_floats_are_left_to_their_encoding(tmp_path):
    """Which takes NaN for missing and 7.0 for "7", as devices do; spelled here, NaN was a value."""
    rows = {"user": [1, 1], "item": [1, 2], "time": [1, 2], "code": [7.0, float("nan")]}
    pl.DataFrame(rows).write_parquet(tmp_path / "events.parquet")
    document = {"data": {"path": str(tmp_path / "events.parquet")}}
    document["data"] |= {"user": "user", "item": "item", "time": "time"}
    document["features"] = {"event": {"code": "category"}}
    found = read_events(parse_config(document, name="t")).collect()
    feature = Feature("code", "event", Categories(("7", "NaN")))
    rows = found.with_columns(encode([feature], found.schema))["event:code"].to_list()
    assert rows == [feature.rows(7), feature.rows(None)]


def feature(folder, ending, values, kind="category"):
    if ending == "jsonl":
        rows = [{"user": 1, "item": 1, "ts": 1, "f": value} for value in values]
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        frame = pl.DataFrame({"user": 1, "item": 1, "ts": 1, "f": values})
        save = frame.write_csv if ending == "csv" else frame.write_parquet
        save(folder / f"a.{ending}")
    document = {"data": {"path": f"a.{ending}", "user": "user", "item": "item", "time": "ts"}}
    document["features"] = {"event": {"f": kind}}
    found = read_events(parse_config(document, name="t", folder=folder)).collect()
    return found["event:f"].to_list()


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


def test_a_large_parquet_file_is_read_in_parts_as_if_it_were_whole(tmp_path, monkeypatch):
    write(tmp_path, "a.parquet", [("u", n, n) for n in range(7)])
    write(tmp_path, "b.parquet", [("v", n, n) for n in range(3)])
    whole = events(tmp_path, "*.parquet")
    assert whole[Column.ORDER].to_list() == list(range(10))
    monkeypatch.setattr(reader, "PART_ROWS", 3)
    assert len(read_log(config(tmp_path, "*.parquet")).parts) == 4
    assert events(tmp_path, "*.parquet").equals(whole)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            ["1", "2"],
            ["2024-01-01"],
            "1 of 3 rows; the first is row 1 of b.csv, which has '2024-01-01'",
        ),
        (
            ["2024-01-01"],
            ["5", "6"],
            "2 of 3 rows; the first is row 1 of b.csv, which has '5' instead of",
        ),
        (
            ["1"],
            ["", "-1"],
            "'ts' is not usable in 2 of 3 rows; the first is row 1 of b.csv, which has not",
        ),
        (["1"], ["1700000000000"], "some like seconds and some like milliseconds"),
    ],
)
def test_files_are_judged_together(tmp_path, first, second, sentence):
    for name, values in (("a.csv", first), ("b.csv", second)):
        write(tmp_path, name, [("u", 1, value) for value in values])
    with pytest.raises(DataError, match=sentence):
        events(tmp_path, "*.csv")


def test_ids_and_orders_of_several_files_are_of_one_kind(tmp_path):
    write(tmp_path, "a.csv", [(7, 1, 10), (8, 2, 9)])
    write(tmp_path, "b.csv", [("x", 1, "b")])
    found = events(tmp_path, "*.csv", time_format="order")
    assert found[Column.USER].to_list() == ["7", "8", "x"]
    assert found[Column.ITEM].to_list() == [1, 2, 1]
    assert found[Column.TIME].to_list() == [1, 2, 3]  # as text


def test_lists_in_one_file_are_lists_in_all(tmp_path):
    for name, tag in (("a.csv", "x"), ("b.csv", "y|z")):
        write(tmp_path, name, [("u", 1, 1, tag)], ("user", "item", "ts", "tag"))
    document = {"data": {"path": "*.csv", "user": "user", "item": "item", "time": "ts"}}
    document["features"] = {"event": {"tag": "category"}}
    found = read_events(parse_config(document, name="t", folder=tmp_path)).collect()
    assert found["event:tag"].to_list() == [["x"], ["y", "z"]]
