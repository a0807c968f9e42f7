"""Logs are read as Python's own csv and json read them, or refused with one sentence."""

from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from pocketrec.schema import Column
from support.odd_log_files import (
    ids,
    is_id,
    json_lines,
    plain,
    read,
    table_text,
    write,
)
from support.odd_rows import HEAD, json_ids, json_text, notes_of, rows
from support.runtime_calls import answered
from support.tally import fuzz

flags = st.lists(st.booleans(), max_size=12)


@fuzz(
    "logs: CSV and TSV",
    1000,
    rows=rows,
    quoted=flags,
    ending=st.sampled_from(["csv", "tsv", "csv.gz", "tsv.gz"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    blank=st.lists(st.integers(0, 5), max_size=2),
)
def test_tables(tmp_path, rows, quoted, ending, line_end, mark, blank):
    kind = ending.removesuffix(".gz")
    lines = [
        table_text([[str(value) for value in row]], kind, quoted[n:], line_end)
        for n, row in enumerate([HEAD, *rows])
    ]
    for place in blank:
        lines.insert(1 + place, line_end)
    text = ("\ufeff" if mark else "") + "".join(lines)
    write(tmp_path / f"log.{ending}", text.encode())
    with answered() as outcome:
        events = read(tmp_path, f"log.{ending}", {"note": "category"}, time_format="seconds")
    users, items, moments, notes = (list(column) for column in zip(*rows, strict=True))
    assert (outcome.error is None) == all(map(is_id, users + items)), outcome.error
    if outcome.error is None:
        assert events[Column.USER].to_list() == plain(users)
        assert events[Column.ITEM].to_list() == plain(items)
        assert events[Column.TIME].to_list() == [1000 * moment for moment in moments]
        assert events[Column.ORDER].to_list() == list(range(len(rows)))
        assert events[Column.feature("note")].to_list() == notes_of(notes)


@fuzz(
    "logs: rows with too many or too few fields",
    600,
    rows=rows,
    place=st.integers(0, 5),
    fields=st.integers(1, 7).filter(lambda n: n != 4),
    quoted=flags,
    ending=st.sampled_from(["csv", "tsv"]),
)
def test_ragged_rows_are_refused(tmp_path, rows, place, fields, quoted, ending):
    table = [[str(value) for value in row] for row in rows]
    table.insert(place, (["u", "1", "5", "x"] + ["more"] * 3)[:fields])
    (tmp_path / f"log.{ending}").write_bytes(table_text([HEAD, *table], ending, quoted).encode())
    with answered() as outcome:
        read(tmp_path, f"log.{ending}")
    assert outcome.error is not None


@fuzz(
    "logs: JSON lines",
    700,
    rows=st.lists(st.tuples(json_ids, json_ids, st.integers(0, 10**10)), min_size=1, max_size=6),
    more=st.sampled_from([{}, {"deep": {"a": [1, {"b": None}]}}, {"list": [[1], []]}, {"é": 1.5}]),
    ascii_only=st.booleans(),
    ending=st.sampled_from(["jsonl", "ndjson", "jsonl.gz"]),
)
def test_json_lines(tmp_path, rows, more, ascii_only, ending):
    ascii_only |= any("\ud800" in row for row in rows)
    objects = [more | dict(zip(("ts", "item", "user"), row[::-1], strict=True)) for row in rows]
    write(tmp_path / f"log.{ending}", json_lines(objects, ascii_only))
    with answered() as outcome:
        events = read(tmp_path, f"log.{ending}", time_format="seconds")
    users, items = ([json_text(row[place]) for row in rows] for place in (0, 1))
    good = all(text is not None and "\ud800" not in text and is_id(text) for text in users + items)
    assert (outcome.error is None) == good, outcome.error
    if good:
        assert events[Column.USER].to_list() == plain(users)
        assert events[Column.ITEM].to_list() == plain(items)
        assert events[Column.TIME].to_list() == [1000 * row[2] for row in rows]


whole = st.integers(-(2**70), 2**70)
PARQUET = [
    (pl.Int8, st.integers(-128, 127), str),
    (pl.UInt64, st.integers(0, 2**64 - 1), str),
    (pl.Int128, st.integers(-(2**100), 2**100), str),
    (pl.Float64, st.floats(), lambda v: str(int(v)) if v.is_integer() else None),
    (pl.Float64, st.integers(-(2**53) + 1, 2**53 - 1).map(float), lambda v: str(int(v))),
    (pl.String, ids, str),
    (pl.Categorical, ids, str),
    (pl.Boolean, st.booleans(), lambda v: str(v).lower()),
    (pl.Date, st.dates(), str),
    (pl.Decimal(20, 0), st.integers(-(10**15), 10**15).map(Decimal), str),
]
"""dtype, values, and the text of a value as an id (None: it is not said here)."""


@fuzz(
    "logs: types of Parquet",
    600,
    of=st.sampled_from(PARQUET).flatmap(
        lambda of: st.tuples(st.just(of), st.lists(st.none() | of[1], min_size=1, max_size=5))
    ),
)
def test_types_of_parquet(tmp_path, of):
    (dtype, _, spell), values = of
    column = pl.Series(values, dtype=dtype, strict=False)
    frame = pl.DataFrame({"user": column, "item": range(len(column)), "ts": range(len(column))})
    frame.write_parquet(tmp_path / "log.parquet")
    with answered() as outcome:
        users = read(tmp_path, "log.parquet")[Column.USER].to_list()
    real = [v for v in values if v is not None and (dtype != pl.Float64 or abs(v) < 2**53)]
    good = len(real) == len(values) and all(is_id(str(value)) for value in values)
    assert (outcome.error is None) == good, outcome.error
    if good:
        spelled = [spell(value) for value in values]
        if None not in spelled:
            assert list(map(str, users)) == spelled
            assert users == plain(spelled)
        assert len(set(users)) == len(set(values))  # no two are one, and no one is two
