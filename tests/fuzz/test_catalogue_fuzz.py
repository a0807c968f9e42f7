"""Catalogues and tables of users: every value as it was written, or one sentence."""

import math
from datetime import datetime
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from pocketrec.schema import RESERVED, Column
from support.odd_log_files import (
    WHITE,
    ids,
    is_id,
    json_lines,
    plain,
    read_table,
    table_text,
    texts,
)
from support.runtime_calls import answered
from support.tally import fuzz

cells = st.one_of(
    st.just(""),
    texts.filter(lambda text: "\0" not in text),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["1", "2.5", "a|b", "|", "x | y", "01", "1e3", "nan", "inf", "-0"]),
)
columns = st.one_of(
    cells.flatmap(lambda _: st.lists(cells, min_size=4, max_size=4)),
    st.lists(st.integers(-99, 99).map(str) | st.just(""), min_size=4, max_size=4),
    st.lists(st.sampled_from(["", "1", "2.5", "1e3", "-0.5"]), min_size=4, max_size=4),
    st.lists(st.sampled_from(["", "a|b", "b", " c |d|"]), min_size=4, max_size=4),
)


def typed(values):
    """What a column of a CSV is: by what all of its values are."""
    known = [value for value in values if value is not None]
    if not known:
        return values
    integers = plain(known)
    if all(isinstance(value, int) for value in integers):
        return [None if value is None else int(value) for value in values]
    if all(map(is_number, known)) and not any(map(is_code, known)):
        return [None if value is None else float(value) for value in values]
    if any("|" in value for value in known):
        return [
            [part.strip(WHITE) for part in (value or "").split("|") if part.strip(WHITE)]
            for value in values
        ]
    return values


def is_number(text):
    if not text.isascii() or "_" in text or text != text.strip():
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def is_code(text):
    digits = text.lstrip("+-") if text[:1] in "+-" else text
    return len(text) - len(digits) <= 1 and digits[:1] == "0" and digits[1:2].isdigit()


@fuzz(
    "catalogues: CSV and TSV",
    500,
    keys=st.lists(ids, min_size=1, max_size=4),
    titles=st.lists(texts, min_size=4, max_size=4),
    column=columns,
    ending=st.sampled_from(["csv", "tsv"]),
    of=st.sampled_from(["items", "users"]),
    whole=st.booleans(),
)
def test_tables(tmp_path, keys, titles, column, ending, of, whole):
    """`whole`: the log has integers, so other ids belong to nobody. Empty rows are skipped."""
    rows = [row for row in zip(keys, titles, column, strict=False) if any(row)]
    text = table_text([("id", "name", "value"), *rows], ending, [])
    (tmp_path / f"table.{ending}").write_bytes(text.encode())
    keys, titles, column = ([row[place] for row in rows] for place in range(3))
    log = ["1", "2"] if whole else ["1", "x"]
    extra = {"items_title": "name"} if of == "items" else {}
    with answered() as outcome:
        table = read_table(tmp_path, f"table.{ending}", log, of, **extra)
    wanted = [number(key) if whole else key for key in keys]
    met = [n for n, key in enumerate(wanted) if key is not None]
    twice = len({wanted[n] for n in met}) < len(met)
    assert (outcome.error is None) == (all(map(is_id, keys)) and not twice), outcome.error
    if outcome.error is None:
        name = Column.ITEM if of == "items" else Column.USER
        assert table[name].to_list() == [wanted[n] for n in met]
        values = [value or None for value in column]
        values = typed(values)
        assert repr(table["value"].to_list()) == repr([values[n] for n in met])
        if of == "items":
            assert table[Column.TITLE].to_list() == [titles[n] or None for n in met]
        else:
            assert Column.TITLE not in table.columns


def number(key):
    """The integer that an id of a catalogue becomes if the log has integers."""
    if key.endswith(".0") and key[:-2].lstrip("-").isdigit() and key[:-2].isascii():
        key = key[:-2]
    (value,) = plain([key])
    return value if isinstance(value, int) else None


json_values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    texts,
    st.booleans(),
    st.lists(texts | st.none(), max_size=3),
    st.lists(st.integers(-9, 9), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
    st.lists(st.lists(st.integers(), max_size=1), max_size=1),
)


@fuzz(
    "catalogues: JSON lines",
    300,
    kind=st.sampled_from(["text", "list", "integer", "float", "flag", "any"]),
    values=st.data(),
)
def test_json_lines(tmp_path, kind, values):
    one = {
        "text": st.none() | texts,
        "list": st.none() | st.lists(texts | st.none(), max_size=3),
        "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
        "float": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32),
        "flag": st.none() | st.booleans(),
        "any": json_values,
    }[kind]
    column = values.draw(st.lists(one, min_size=1, max_size=4))
    rows = [{"id": n, "value": value} for n, value in enumerate(column)]
    (tmp_path / "table.jsonl").write_bytes(json_lines(rows))
    with answered() as outcome:
        table = read_table(tmp_path, "table.jsonl", ["1"])
    if kind == "any":
        assert outcome.error is not None or table.height == len(rows)
        return
    assert outcome.error is None, outcome.error
    if kind == "flag":
        column = [None if value is None else str(value).lower() for value in column]
    if kind == "list" and any(value is not None for value in column):
        column = [[part for part in value or [] if part is not None] for value in column]
    assert table["value"].to_list() == column


TYPES = [
    (pl.UInt64, st.integers(0, 2**64 - 1)),
    (pl.Int128, st.integers(-(2**100), 2**100)),
    (pl.Decimal(20, 2), st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 100)),
    (pl.Float32, st.floats(width=32)),
    (pl.List(pl.Float64), st.lists(st.floats(), max_size=3)),
    (pl.List(pl.Int64), st.lists(st.integers(-9, 9) | st.none(), max_size=3)),
    (pl.Categorical, texts),
    (pl.Datetime("ms"), st.integers(-(2**62), 2**62)),
    (pl.Datetime("ns"), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))),
    (pl.Date, st.integers(-(2**31), 2**31 - 1)),
    (pl.Binary, st.binary(max_size=3)),
    (pl.Struct({"a": pl.Int64}), st.just({"a": 1})),
    (pl.List(pl.List(pl.Int64)), st.just([[1]])),
    (pl.Duration("us"), st.integers(-9, 9)),
    (pl.Time, st.integers(0, 9)),
    (pl.Null, st.none()),
]
NO_VALUES = ("Binary", "Struct", "List(List", "Duration", "Time")


@fuzz(
    "catalogues: types of Parquet",
    500,
    of=st.sampled_from(TYPES).flatmap(
        lambda of: st.tuples(st.just(of[0]), st.lists(st.none() | of[1], min_size=1, max_size=4))
    ),
    place=st.sampled_from(["value", "name", "id"]),
)
def test_types_of_parquet(tmp_path, of, place):
    dtype, values = of
    column = pl.Series(values, strict=False) if dtype == pl.Null else pl.Series(values, dtype=dtype)
    frame = pl.DataFrame({"id": range(len(values)), "name": "x"}).with_columns(column.alias(place))
    frame.write_parquet(tmp_path / "table.parquet")
    with answered() as outcome:
        table = read_table(tmp_path, "table.parquet", ["x"], items_title="name")
    if str(dtype).startswith(NO_VALUES) or (place != "value" and isinstance(dtype, pl.List)):
        assert outcome.error is not None
    elif place != "id":
        assert outcome.error is None, outcome.error
        shown = table["value" if place == "value" else Column.TITLE]
        assert shown.dtype in (pl.Int64, pl.Float64, pl.String, pl.List(pl.String))
        for value, other in zip(values, shown.to_list(), strict=True):
            if isinstance(value, int) and shown.dtype == pl.Int64:
                assert other == value
            elif isinstance(value, int | float | Decimal) and shown.dtype == pl.Float64:
                expected = float(value) if math.isfinite(value) else None
                assert other == expected or math.isclose(other, expected)
            elif isinstance(value, list) and dtype == pl.List(pl.Int64):
                assert other == [str(part) for part in value if part is not None]
            elif isinstance(value, list):
                assert list(map(float, other)) == list(filter(math.isfinite, value))
            elif isinstance(value, str):
                assert other == value
            elif value is None:
                assert other in (None, [])


@fuzz(
    "catalogues: names of columns",
    400,
    names=st.lists(
        texts.map(lambda name: name.replace('"', "'"))  # polars keeps them doubled
        | st.sampled_from([*sorted(RESERVED), "user", "order", "event:x", "id"]),
        min_size=1,
        max_size=4,
    ),
    of=st.sampled_from(["items", "users"]),
)
def test_names_of_columns(tmp_path, names, of):
    """Repeated names, ours, or any letters: a column keeps its name, or the table is refused."""
    rows = [["id", *names], ["1", *(f"v{n}" for n in range(len(names)))]]
    (tmp_path / "table.csv").write_bytes(table_text(rows, "csv", []).encode())
    with answered() as outcome:
        table = read_table(tmp_path, "table.csv", ["1"], of)
    if len({"id", *names}) <= len(names):
        assert outcome.error is not None
    if outcome.error is None:
        for n, name in enumerate(names):
            assert table[name].to_list() == [f"v{n}"]
