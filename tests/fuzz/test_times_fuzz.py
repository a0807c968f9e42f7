"""Times in text and numbers are read as what they say, or refused."""

from datetime import date, timedelta

import polars as pl
from hypothesis import strategies as st

from pocketrec.ingest import times
from pocketrec.schema import Column
from support.odd_log_files import (
    read,
)
from support.odd_times import EPOCH, moments, spelled, zones
from support.runtime_calls import answered
from support.tally import fuzz


@fuzz(
    "times: ISO 8601",
    1000,
    texts=st.lists(
        st.builds(spelled, moments, zones, st.sampled_from([0, 1, 3, 6]), st.sampled_from("T t")),
        min_size=1,
        max_size=4,
    ),
)
def test_iso_times(texts):
    frame = pl.DataFrame({"t": [text for text, _ in texts]})
    parsed = frame.select(times.parse_iso8601(pl.col("t")))["t"].to_list()
    assert parsed == [moment for _, moment in texts]


DATE = "0123456789-:T Zz+.,W/aé"


@fuzz("times: any text", 1000, values=st.lists(st.text(DATE, max_size=24), min_size=1, max_size=5))
def test_text_that_is_no_time(values):
    """Never a date that Python does not see in it."""
    frame = pl.DataFrame({"t": values})
    for text, parsed in zip(
        values, frame.select(times.parse_iso8601(pl.col("t")))["t"], strict=True
    ):
        if parsed is not None:
            day = (EPOCH + timedelta(milliseconds=parsed)).date()
            assert abs(day - date.fromisoformat(text.strip()[:10])) <= timedelta(days=1)


numbers = st.one_of(
    st.integers(-(2**64), 2**64),
    st.integers(0, 2 * 10**12),
    st.floats(),
    st.floats(0, 2e12, allow_nan=False),
    st.sampled_from([0, 10**11 - 1, 10**11, 10**15, -1, 1e400, 253402300799, 253402300800]),
)


@fuzz(
    "times: numbers of any unit",
    800,
    values=st.lists(numbers, min_size=1, max_size=4),
    unit=st.sampled_from(["auto", "seconds", "milliseconds", "order", "iso8601"]),
    ending=st.sampled_from(["csv", "jsonl"]),
)
def test_numbers_as_times(tmp_path, values, unit, ending):
    texts = [repr(value) for value in values]
    if ending == "csv":
        lines = "".join(f"u,1,{text}\n" for text in texts)
        (tmp_path / "log.csv").write_text("user,item,ts\n" + lines)
    else:
        lines = "".join(f'{{"user": "u", "item": 1, "ts": "{text}"}}\n' for text in texts)
        (tmp_path / "log.jsonl").write_text(lines)
    with answered() as outcome:
        column = read(tmp_path, f"log.{ending}", time_format=unit)[Column.TIME].to_list()
    finite = all(abs(float(value)) < float("inf") for value in values)
    seconds = {"auto": finite and max(values) < 10**11, "seconds": True}.get(unit, False)
    if unit == "order":
        assert (outcome.error is None) == finite, outcome.error
        if finite:
            fit = all(isinstance(value, int) and abs(value) < 2**63 for value in values)
            key = (values if fit else list(map(float, values))).__getitem__
            places = range(len(values))
            assert sorted(places, key=key) == sorted(places, key=column.__getitem__)
        return
    mixed = unit == "auto" and finite and min(values) < 10**11 <= max(values)
    late = finite and max(values) * (1000 if seconds else 1) >= 253_402_300_800_000
    good = finite and unit != "iso8601" and min(values) >= 0 and not mixed and not late
    assert (outcome.error is None) == good, outcome.error
    if good:
        factor = 1000 if seconds else 1
        for value, moment in zip(values, column, strict=True):
            assert abs(moment - float(value) * factor) <= 0.5 + 1e-3
