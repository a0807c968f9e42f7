"""New items of a CSV: as Python's csv reads them and the catalogue spells them, or one sentence."""

import math
import re

import pytest
from hypothesis import strategies as st

from pocketrec.bundle.folder import Bundle, Item
from pocketrec.errors import DataError
from pocketrec.new_items.read_items import read_items
from support.odd_log_files import ids, table_text, texts
from support.runtime_calls import answered
from support.tally import fuzz

CONFIG = {"data": {"items_id": "id", "items_title": "name"}}
CONFIG["features"] = {"item": {"tags": "category", "price": "number", "year": "number"}}


def bundle_of(known):
    samples = {"tags": ["a", "b"], "price": 1.5, "year": 1999, "shelf": "x"}
    items = [Item(key, None, samples if n == 0 else {}) for n, key in enumerate(known)]
    return Bundle({"config": CONFIG}, None, items, b"")


def blank(text):
    return not text.strip()


numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["1_000", "١٢", "1e3", "1e400", ".", "+5", "0x10", "5.", ".5", "1,5", "9" * 5000]
    ),
    texts,
    st.just(""),
)
tags = st.lists(texts.filter(lambda text: "|" not in text), max_size=3).map("|".join) | texts


def number_of(text):
    """The finite number that a text is in any CSV, exactly; None: it is none."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return None
    value = float(text)
    if not math.isfinite(value):
        return None
    if re.fullmatch(r"[+-]?\d+", text) and abs(value) < 2**63:
        return int(text)
    return value


@fuzz(
    "new items: rows",
    1000,
    rows=st.lists(st.tuples(ids, texts, tags, numbers, numbers), min_size=1, max_size=3),
    whole=st.booleans(),
    known=st.integers(1, 9),
    quoted=st.lists(st.booleans(), max_size=6),
    mark=st.booleans(),
)
def test_rows(tmp_path, rows, whole, known, quoted, mark):
    header = ("id", "name", "tags", "price", "year")
    text = ("\ufeff" if mark else "") + table_text([header, *rows], "csv", quoted)
    (tmp_path / "new.csv").write_bytes(text.encode())
    catalogue = [known] if whole else [str(known), "caf\u00e9"]
    with answered() as outcome:
        new = read_items(tmp_path / "new.csv", bundle_of(catalogue))
    keys = [row[0].strip() for row in rows]
    good = all(not blank(key) and "\0" not in key for key in keys)
    if whole:
        good &= all(re.fullmatch(r"0|-?[1-9][0-9]*", key, re.ASCII) for key in keys)
    else:
        good &= keys == [row[0] for row in rows]
    good &= not {*map(str, catalogue)} & {*keys} and len({*keys}) == len(keys)
    cells = [cell.strip() for row in rows for cell in row[3:]]
    good &= all(cell == "" or number_of(cell) is not None for cell in cells)
    assert (outcome.error is None) == bool(good), outcome.error
    if not good:
        return
    assert [str(item.id) for item in new.items] == keys
    assert all(isinstance(item.id, int) == whole for item in new.items)
    for item, row in zip(new.items, rows, strict=True):
        assert item.title == (row[1].strip() or None)
        parts = [part.strip() for part in row[2].split("|") if part.strip()]
        assert item.attributes.get("tags", []) == parts
        for name, cell in (("price", row[3].strip()), ("year", row[4].strip())):
            assert item.attributes.get(name) == (
                None if cell == "" else pytest.approx(number_of(cell))
            )
            if cell and isinstance(number_of(cell), int) and name == "year":
                assert item.attributes[name] == number_of(cell)
    assert new.unknown == sum(not set(item.attributes) - {"shelf"} for item in new.items)


@fuzz(
    "new items: any bytes",
    600,
    content=st.binary(max_size=60) | texts.map(str.encode),
    head=st.sampled_from(
        [b"", b"id,tags\n", b"id,tags,tags\n", b'id,"ta\ngs",tags\n', b"\xff\xfe"]
    ),
)
def test_any_bytes(tmp_path, content, head):
    (tmp_path / "new.csv").write_bytes(head + content)
    with answered():
        read_items(tmp_path / "new.csv", bundle_of([1, 2]))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (" a,x,1", "the id ' a' has blanks around it"),
        ("a\0,x,1", "no id"),
        ("a,x,1_000", "'1_000' is no number"),
        ("a,x,١٢", "is no number"),
    ],
)
def test_what_python_takes_and_a_log_does_not(tmp_path, row, sentence):
    (tmp_path / "new.csv").write_text(f"id,tags,year\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        read_items(tmp_path / "new.csv", bundle_of(["b"]))


def test_large_integers_are_not_rounded(tmp_path):
    (tmp_path / "new.csv").write_text("id,year\na,9007199254740993\n")
    (item,) = read_items(tmp_path / "new.csv", bundle_of(["b"])).items
    assert item.attributes == {"year": 9007199254740993}
