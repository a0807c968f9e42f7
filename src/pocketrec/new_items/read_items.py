"""Read a CSV of new items, with the same columns as the catalogue of the bundle."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from ..bundle.folder import Bundle, Item
from ..errors import BundleError, DataError, shown
from ..features.encoding import FeatureKind
from ..schema import LIST_SEPARATOR

NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class NewItems:
    """The items that a file adds to a catalogue."""

    items: list[Item]
    ignored: list[str]
    """Columns of the file that no item of the bundle has."""
    unknown: int
    """Number of items without any attribute that the model reads."""


def attributes_read(bundle: Bundle) -> dict[str, FeatureKind]:
    """The attributes that the bundle's model was trained with; BundleError when there are none."""
    try:
        kinds = dict(bundle.manifest["config"].get("features", {}).get("item", {}))
    except (KeyError, TypeError, ValueError, AttributeError):
        kinds = {}
    if not kinds or not all(kind in get_args(FeatureKind) for kind in kinds.values()):
        raise BundleError(
            "the bundle's model reads no attributes of items, so it cannot place new ones: train "
            'it with [features.item], such as genre = "category"'
        )
    return kinds


def read_items(path: Path, bundle: Bundle) -> NewItems:
    """Read new items from a CSV (UTF-8, with a header): id, title, attributes; lists as "a|b".

    Column names and types of values are those of the bundle's catalogue. Raises DataError, with the
    line, for values that cannot be read and for ids that the catalogue already has.
    """
    kinds = attributes_read(bundle)
    data = bundle.manifest["config"].get("data", {})
    if not isinstance(data, dict):
        raise BundleError("the bundle's config has no table [data]")
    id_name, title_name = str(data.get("items_id", "id")), str(data.get("items_title", "title"))
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}' cannot be read as a CSV: {error}") from None
    if id_name not in columns or len(set(columns)) < len(columns):
        raise DataError(
            f"'{path}' needs one column '{id_name}' and each other column once; it has "
            f"{', '.join(columns) or 'none'}"
        )
    if not rows:
        raise DataError(f"'{path}' has no items")
    if not set(kinds) & set(columns):
        raise DataError(
            f"'{path}' has none of the attributes that the model reads ({', '.join(kinds)}), so "
            "its items cannot be placed: add one of these columns"
        )
    samples = _samples(bundle)
    known = {str(item.id) for item in bundle.items}
    items, unknown = [], 0
    for line, row in rows:
        if None in row or None in row.values():
            raise DataError(f"'{path}', line {line}: the number of fields differs from the header")
        where = f"'{path}', line {line}"
        item_id = _id(row[id_name], bundle, where)
        if str(item_id) in known:
            raise DataError(f"{where}: the id {item_id!r} is already in the catalogue or this file")
        known.add(str(item_id))
        attributes = {}
        for name, sample in samples.items():
            if (text := row.get(name, "").strip()) != "":
                value = _value(text, sample, f"{where}, {name}")
                if value != []:
                    attributes[name] = value
        unknown += not any(name in attributes for name in kinds)
        items.append(Item(item_id, row.get(title_name, "").strip() or None, attributes))
    fixed = {id_name, title_name}
    return NewItems(items, [c for c in columns if c not in samples and c not in fixed], unknown)


def _samples(bundle: Bundle) -> dict[str, Any]:
    """One value of each attribute, to tell its type."""
    samples: dict[str, Any] = {}
    for item in bundle.items:
        for name, value in item.attributes.items():
            # A column of floats may hold some integers: one float makes it a column of floats.
            if name not in samples or isinstance(value, float):
                samples[name] = value
    return samples


def _id(text: str, bundle: Bundle, where: str) -> int | str:
    if not text.strip() or "\0" in text:
        raise DataError(f"{where}: the item has no id")
    if not isinstance(bundle.items[0].id, int):
        if text != text.strip():
            raise DataError(f"{where}: the id {shown(text, 40)} has blanks around it: remove them")
        return text
    text = text.strip()
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or str(number) != text:
        raise DataError(
            f"{where}: {shown(text, 40)} is no integer, as the ids of the catalogue are"
        )
    return number


def _value(text: str, sample: Any, where: str) -> Any:
    """Convert a field to the type of the catalogue's values."""
    if isinstance(sample, list):
        return [part.strip() for part in text.split(LIST_SEPARATOR) if part.strip()]
    if isinstance(sample, bool) or not isinstance(sample, int | float):
        return text
    try:
        # float() accepts more than a log should hold, such as 1_000.
        number = float(text) if NUMBER.fullmatch(text) else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise DataError(
            f"{where}: {shown(text, 40)} is no number, as the values of the catalogue are"
        )
    if isinstance(sample, float) or not number.is_integer() or abs(number) >= 2**63:
        return number
    return int(text) if INTEGER.fullmatch(text) else int(number)  # a float may be rounded
