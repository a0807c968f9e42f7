"""Logs of one's own: every format gives the same events."""

import json
import shutil
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.config.sections import Config
from pocketrec.errors import DataError
from pocketrec.ingest.events import open_log
from pocketrec.ingest.read import describe_source, read_events, read_users
from pocketrec.schema import Column
from support.event_files import FORMATS, config, events, write


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_ids_milliseconds_and_the_order_of_rows(tmp_path, ending):
    write(tmp_path, f"log.{ending}", [("b", 7, 20), ("a", 8, 10), ("b", 7, 10)])
    frame = events(tmp_path, f"log.{ending}")
    assert frame.schema == {
        Column.USER: pl.String,
        Column.ITEM: pl.Int64,
        Column.TIME: pl.Int64,
        Column.ORDER: pl.UInt64,
    }
    assert frame.rows() == [("b", 7, 20_000, 0), ("a", 8, 10_000, 1), ("b", 7, 10_000, 2)]


ids = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.text("ab07 -+.,\"'é\t", min_size=1, max_size=5).filter(lambda text: text.strip()),
)


@settings(max_examples=25)
@given(rows=st.lists(st.tuples(ids, ids, st.integers(0, 10**10)), min_size=1, max_size=6))
def test_formats_are_equal_and_text_survives(rows):
    folder = Path(tempfile.mkdtemp())
    try:
        frames = []
        for ending in ("csv", "tsv", "jsonl", "parquet"):
            write(folder, f"log.{ending}", rows)
            frames.append(events(folder, f"log.{ending}", time_format="seconds"))
    finally:
        shutil.rmtree(folder)
    for other in frames[1:]:
        assert other.equals(frames[0])
    assert frames[0][Column.USER].cast(pl.String).to_list() == [row[0] for row in rows]
    assert frames[0][Column.TIME].to_list() == [row[2] * 1000 for row in rows]


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
    read = events(tmp_path, "log.parquet")
    assert read[Column.USER].to_list() == [1, 2]
    assert read[Column.ITEM].to_list() == [str(2**64 - 1), "1"]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    write(tmp_path, "b.csv", [("u", 3, 3)])
    write(tmp_path, "a.csv.gz", [("u", 1, 1), ("u", 2, 2)])
    (tmp_path / "c.csv").write_text("ts,user,item\n4,u,4\n")
    (tmp_path / "README.txt").write_text("not data")
    for path in (".", "*.csv*", str(tmp_path)):
        frame = events(tmp_path, path)
        assert frame[Column.ITEM].to_list() == [1, 2, 3, 4]
        assert frame[Column.ORDER].to_list() == [0, 1, 2, 3]


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


def test_rating_is_given_when_it_is_named(tmp_path):
    write(tmp_path, "log.csv", [("u", 1, 5, 4.5)], ("user", "item", "ts", "stars"))
    frame = events(tmp_path, "log.csv", rating="stars")
    assert frame[Column.RATING].to_list() == [4.5]
    assert frame.schema[Column.RATING] == pl.Float32
    assert Column.RATING not in events(tmp_path, "log.csv").columns


def test_description_has_names_and_hashes_but_no_folders(tmp_path):
    write(tmp_path, "a.csv", [("u", 1, 1)])
    description = describe_source(config(tmp_path, "*.csv"))
    assert [file["name"] for file in description["files"]] == ["a.csv"]
    assert len(description["files"][0]["sha256"]) == 64
    assert str(tmp_path) not in json.dumps(description)
    assert read_users(config(tmp_path, "*.csv")) is None


def test_a_large_parquet_file_is_read_in_parts_as_if_it_were_whole(tmp_path):
    write(tmp_path, "a.parquet", [("u", n, n) for n in range(7)])
    write(tmp_path, "b.parquet", [("v", n, n) for n in range(3)])
    whole = events(tmp_path, "*.parquet")
    assert whole[Column.ORDER].to_list() == list(range(10))
    log = open_log(config(tmp_path, "*.parquet"), part_rows=3)
    assert len(log.parts) == 4
    (rows,) = log.frames(tmp_path / "copies")
    assert rows.collect().equals(whole)


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
    frame = events(tmp_path, "*.csv", time_format="order")
    assert frame[Column.USER].to_list() == ["7", "8", "x"]
    assert frame[Column.ITEM].to_list() == [1, 2, 1]
    assert frame[Column.TIME].to_list() == [1, 2, 3]  # as text


def test_lists_in_one_file_are_lists_in_all(tmp_path):
    for name, tag in (("a.csv", "x"), ("b.csv", "y|z")):
        write(tmp_path, name, [("u", 1, 1, tag)], ("user", "item", "ts", "tag"))
    document = {"data": {"path": "*.csv", "user": "user", "item": "item", "time": "ts"}}
    document["features"] = {"event": {"tag": "category"}}
    frame = read_events(Config.parse(document, name="t", folder=tmp_path)).collect()
    assert frame["event:tag"].to_list() == [["x"], ["y", "z"]]
