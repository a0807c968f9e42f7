"""Times of a log: text, numbers and types, to milliseconds."""

import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.schema import Column
from support.event_files import events, write


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


@settings(max_examples=25)
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)), min_size=1, max_size=4))
def test_iso_times_round_trip(moments):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "log.csv", [("u", 1, f"{moment.isoformat()}Z") for moment in moments])
        milliseconds = events(Path(folder), "log.csv")[Column.TIME].to_list()
    epoch = datetime(1970, 1, 1)
    milli = (moments[0] - moments[0]).resolution * 1000
    assert milliseconds == [(moment - epoch) // milli for moment in moments]


@pytest.mark.parametrize(
    "values",
    [["b", "a", "c", "a"], [2, -1, 10, -1], [1.5, 0.25, 9.0, 0.25], ["2", "1", "10", "1"]],
)
def test_any_order_sorts_the_same_way(tmp_path, values):
    for ending in ("csv", "parquet"):
        write(tmp_path, f"log.{ending}", [("u", 1, value) for value in values])
        places = events(tmp_path, f"log.{ending}", time_format="order")[Column.TIME]
        assert places.dtype == pl.Int64
        assert places.arg_sort().to_list()[-2:] == [0, 2]
        assert places[1] == places[3]


def test_a_set_unit_beats_the_guess(tmp_path):
    write(tmp_path, "log.csv", [("u", 1, 5)])
    assert events(tmp_path, "log.csv", time_format="milliseconds")[Column.TIME].item() == 5
