"""Logs are read as Python's own csv and json read them, or refused with one sentence."""

import csv
import gzip
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from pocketrec.ingest import times
from pocketrec.schema import Column
from support.odd_log_files import (
    SEPARATORS,
    WHITE,
    ids,
    is_id,
    json_lines,
    plain,
    read,
    table_text,
    texts,
    write,
)
from support.runtime_calls import answered
from support.tally import fuzz

HEAD = ("user", "item", "ts", "note")
rows = st.lists(st.tuples(ids, ids, st.integers(0, 10**10), texts), min_size=1, max_size=6)
flags = st.lists(st.booleans(), max_size=12)


def notes_of(notes):
    """The feature "note": nothing for "", and several values where a "|" stands in any of them."""
    if not any("|" in note for note in notes):
        return [note or None for note in notes]
    parts = [[part.strip(WHITE) for part in note.split("|")] for note in notes]
    return [[p for p in own if p] if note else None for own, note in zip(parts, notes, strict=True)]


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
        found = read(tmp_path, f"log.{ending}", {"note": "category"}, time_format="seconds")
    users, items, moments, notes = (list(column) for column in zip(*rows, strict=True))
    assert (outcome.error is None) == all(map(is_id, users + items)), outcome.error
    if outcome.error is None:
        assert found[Column.USER].to_list() == plain(users)
        assert found[Column.ITEM].to_list() == plain(items)
        assert found[Column.TIME].to_list() == [1000 * moment for moment in moments]
        assert found[Column.ORDER].to_list() == list(range(len(rows)))
        assert found[Column.feature("note")].to_list() == notes_of(notes)


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


json_ids = st.one_of(
    ids, st.integers(-(2**70), 2**70), st.booleans(), st.sampled_from(["\0", "a\0", "\ud800", None])
)


def json_text(value):
    """A single JSON value as an id; None: it is none."""
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)


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
        found = read(tmp_path, f"log.{ending}", time_format="seconds")
    users, items = ([json_text(row[place]) for row in rows] for place in (0, 1))
    good = all(text is not None and "\ud800" not in text and is_id(text) for text in users + items)
    assert (outcome.error is None) == good, outcome.error
    if good:
        assert found[Column.USER].to_list() == plain(users)
        assert found[Column.ITEM].to_list() == plain(items)
        assert found[Column.TIME].to_list() == [1000 * row[2] for row in rows]


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
        found = read(tmp_path, "log.parquet")[Column.USER].to_list()
    real = [v for v in values if v is not None and (dtype != pl.Float64 or abs(v) < 2**53)]
    good = len(real) == len(values) and all(is_id(str(value)) for value in values)
    assert (outcome.error is None) == good, outcome.error
    if good:
        spelled = [spell(value) for value in values]
        if None not in spelled:
            assert list(map(str, found)) == spelled
            assert found == plain(spelled)
        assert len(set(found)) == len(set(values))  # no two are one, and no one is two


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
        found = read(tmp_path, f"log.{ending}", time_format="seconds")
    if outcome.error is None and (expected := rows_of(content, ending)) is not None:
        for place, column in enumerate((Column.USER, Column.ITEM)):
            assert found[column].to_list() == plain([row[place] for row in expected])
        seconds = [round(1000 * float(row[2])) for row in expected]
        assert found[Column.TIME].to_list() == seconds


@fuzz("logs: damaged JSON lines", 500, changes=hurts)
def test_damaged_json_lines(tmp_path, changes):
    good = json_lines([{"user": "é", "item": n, "ts": n} for n in range(3)])
    content = hurt(good, changes)
    (tmp_path / "log.jsonl").write_bytes(content)
    with answered() as outcome:
        found = read(tmp_path, "log.jsonl", time_format="seconds")
    if outcome.error is None:
        expected = [json.loads(line) for line in content.decode().split("\n") if line.strip()]
        users = [json_text(row["user"]) for row in expected]
        assert found[Column.USER].to_list() == plain(users)
        assert found[Column.TIME].to_list() == [round(1000 * float(r["ts"])) for r in expected]


@fuzz("logs: damaged gzip", 500, changes=hurts, level=st.sampled_from([0, 1, 9]))
def test_damaged_gzip(tmp_path, changes, level):
    """Of gzip there is a checksum: either the file is whole, or it is refused."""
    content = hurt(gzip.compress(GOOD.encode(), level, mtime=0), changes)
    (tmp_path / "log.csv.gz").write_bytes(content)
    with answered() as outcome:
        found = read(tmp_path, "log.csv.gz")
    if outcome.error is None:
        assert found[Column.USER].to_list() == ["ann", "b,b", "c"]


@fuzz("logs: damaged Parquet", 300, changes=hurts)
def test_damaged_parquet(tmp_path, changes):
    """Parquet has no checksum that readers look at, so a value may be another one."""
    stream = io.BytesIO()
    pl.DataFrame({"user": ["a", "b"], "item": [1, 2], "ts": [1, 2]}).write_parquet(stream)
    (tmp_path / "log.parquet").write_bytes(hurt(stream.getvalue(), changes))
    with answered() as outcome:
        found = read(tmp_path, "log.parquet")
    assert outcome.error is not None or found.height == 2


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


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
zones = st.sampled_from(["", "Z", "z", "+00", "+05:30", "-0330", "+14:00"])
moments = st.datetimes(datetime(1969, 12, 1), datetime(9999, 12, 31))


def spelled(moment, zone, digits, between):
    """An ISO 8601 text with so many digits of a second, and its milliseconds."""
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M:%S").zfill(19) + fraction + zone
    hours = zone.replace("z", "").replace("Z", "").replace(":", "")
    sign = -1 if hours.startswith("-") else 1
    shift = timedelta(hours=int(hours[1:3] or 0), minutes=int(hours[3:] or 0)) * sign
    kept = moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits) if digits else 0
    exact = moment.replace(microsecond=kept, tzinfo=timezone(shift))
    return text, (exact - EPOCH) // timedelta(milliseconds=1)


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
    found = frame.select(times.parse_iso8601(pl.col("t")))["t"].to_list()
    assert found == [moment for _, moment in texts]


DATE = "0123456789-:T Zz+.,W/aé"


@fuzz("times: any text", 1000, values=st.lists(st.text(DATE, max_size=24), min_size=1, max_size=5))
def test_text_that_is_no_time(values):
    """Never a date that Python does not see in it."""
    frame = pl.DataFrame({"t": values})
    for text, found in zip(
        values, frame.select(times.parse_iso8601(pl.col("t")))["t"], strict=True
    ):
        if found is not None:
            day = (EPOCH + timedelta(milliseconds=found)).date()
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
        found = read(tmp_path, f"log.{ending}", time_format=unit)[Column.TIME].to_list()
    finite = all(abs(float(value)) < float("inf") for value in values)
    seconds = {"auto": finite and max(values) < 10**11, "seconds": True}.get(unit, False)
    if unit == "order":
        assert (outcome.error is None) == finite, outcome.error
        if finite:
            fit = all(isinstance(value, int) and abs(value) < 2**63 for value in values)
            key = (values if fit else list(map(float, values))).__getitem__
            places = range(len(values))
            assert sorted(places, key=key) == sorted(places, key=found.__getitem__)
        return
    mixed = unit == "auto" and finite and min(values) < 10**11 <= max(values)
    late = finite and max(values) * (1000 if seconds else 1) >= 253_402_300_800_000
    good = finite and unit != "iso8601" and min(values) >= 0 and not mixed and not late
    assert (outcome.error is None) == good, outcome.error
    if good:
        factor = 1000 if seconds else 1
        for value, moment in zip(values, found, strict=True):
            assert abs(moment - float(value) * factor) <= 0.5 + 1e-3
