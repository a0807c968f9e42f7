"""Damaged logs are read as what is left, or refused with one sentence."""

import csv
import gzip
import io
import json

import polars as pl
from hypothesis import strategies as st

from pocketrec.schema import Column
from support.odd_log_files import (
    SEPARATORS,
    json_lines,
    plain,
    read,
)
from support.odd_rows import HEAD, json_text
from support.runtime_calls import answered
from support.tally import fuzz

hurts = st.lists(
    st.tuples(st.sampled_from(["put", "set", "cut"]), st.floats(0, 1), st.integers(0, 255)),
    min_size=1,
    max_size=3,
)


def hurt(content: bytes, changes) -> bytes:
    data = bytearray(content)
    for how, share, byte in changes:
        place = int(share * len(data))
        if how == "put":
            data.insert(place, byte)
        elif how == "set":
            data[place : place + 1] = bytes([byte])
        else:
            del data[place:]
    return bytes(data)


GOOD = 'user,item,ts\nann,7,10\n"b,b",8,20\nc,9,30\n'


def rows_of(content: bytes, ending: str):
    """What Python reads of a table: rows of the three columns; None where it is not to be said."""
    text = content.decode("utf-8-sig")
    if "\r" in text.replace("\r\n", ""):
        return None
    try:
        parsed = list(csv.reader(io.StringIO(text, ""), delimiter=SEPARATORS[ending], strict=True))
    except csv.Error:
        return None
    header = parsed[0]
    rows = [row for row in parsed[1:] if any(field.strip() for field in row)]
    assert all(len(row) == len(header) for row in rows)
    return [[row[header.index(name)] for name in HEAD[:3]] for row in rows]


@fuzz(
    "logs: damaged tables",
    1000,
    changes=hurts,
    ending=st.sampled_from(["csv", "tsv"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1"]),
    name=st.sampled_from(["ann", "é", "\u20ac"]),
)
def test_damaged_tables(tmp_path, changes, ending, encoding, name):
    good = GOOD.replace("ann", name).replace(",", SEPARATORS[ending])
    content = hurt(good.encode(encoding, errors="replace"), changes)
    (tmp_path / f"log.{ending}").write_bytes(content)
    with answered() as outcome:
        events = read(tmp_path, f"log.{ending}", time_format="seconds")
    if outcome.error is None and (expected := rows_of(content, ending)) is not None:
        for place, column in enumerate((Column.USER, Column.ITEM)):
            assert events[column].to_list() == plain([row[place] for row in expected])
        seconds = [round(1000 * float(row[2])) for row in expected]
        assert events[Column.TIME].to_list() == seconds


@fuzz("logs: damaged JSON lines", 500, changes=hurts)
def test_damaged_json_lines(tmp_path, changes):
    good = json_lines([{"user": "é", "item": n, "ts": n} for n in range(3)])
    content = hurt(good, changes)
    (tmp_path / "log.jsonl").write_bytes(content)
    with answered() as outcome:
        events = read(tmp_path, "log.jsonl", time_format="seconds")
    if outcome.error is None:
        expected = [json.loads(line) for line in content.decode().split("\n") if line.strip()]
        users = [json_text(row["user"]) for row in expected]
        assert events[Column.USER].to_list() == plain(users)
        assert events[Column.TIME].to_list() == [round(1000 * float(r["ts"])) for r in expected]


@fuzz("logs: damaged gzip", 500, changes=hurts, level=st.sampled_from([0, 1, 9]))
def test_damaged_gzip(tmp_path, changes, level):
    """Gzip has a checksum: either the file is whole, or it is refused."""
    content = hurt(gzip.compress(GOOD.encode(), level, mtime=0), changes)
    (tmp_path / "log.csv.gz").write_bytes(content)
    with answered() as outcome:
        events = read(tmp_path, "log.csv.gz")
    if outcome.error is None:
        assert events[Column.USER].to_list() == ["ann", "b,b", "c"]


@fuzz("logs: damaged Parquet", 300, changes=hurts)
def test_damaged_parquet(tmp_path, changes):
    """Parquet has no checksum that readers look at, so a value may have changed."""
    stream = io.BytesIO()
    pl.DataFrame({"user": ["a", "b"], "item": [1, 2], "ts": [1, 2]}).write_parquet(stream)
    (tmp_path / "log.parquet").write_bytes(hurt(stream.getvalue(), changes))
    with answered() as outcome:
        events = read(tmp_path, "log.parquet")
    assert outcome.error is not None or events.height == 2


@fuzz(
    "logs: any bytes",
    500,
    content=st.binary(max_size=60)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    ending=st.sampled_from(["csv", "tsv", "jsonl", "csv.gz", "jsonl.gz", "parquet"]),
    head=st.booleans(),
)
def test_any_bytes(tmp_path, content, ending, head):
    content = (b"user,item,ts\n" if head else b"") + content
    (tmp_path / f"log.{ending}").write_bytes(content)
    with answered():
        read(tmp_path, f"log.{ending}")
