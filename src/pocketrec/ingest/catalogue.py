"""Read tables beside the log, of which the catalogue is one: id, title, attributes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError, SchemaError

from ..config.sections import Config
from ..errors import DataError, shown
from ..schema import LIST_SEPARATOR, RESERVED, Column
from ..storage.paths import AnyPath, local
from .event_features import split_lists
from .files import (
    READ_ERRORS,
    Source,
    check_rows,
    find_files,
    open_source,
    require_column,
    scan,
    unreadable,
)
from .ids import no_id, plain, whole_text

ID_ALIASES = ("id", "item", "item_id", "itemid", "movie_id", "movieid", "product_id", "sku")


def read_catalogue(config: Config, item_dtype: pl.DataType) -> pl.DataFrame:
    """Read the files behind data.items, with ids of `item_dtype`: see read.read_catalogue."""
    data = config.data
    where = config.resolve(str(data.items))
    tables = []
    for file in find_files(where, "data.items"):
        with local(file) as path:
            tables.append(read_file(path, "data.items_id", data.items_id, data.items_title))
    table = with_ids(join(tables, "data.items", where), item_dtype, where.name)
    check_unique(table[Column.ITEM], where.name)
    return table


def read_file(path: Path, key: str, name: str, title: str | None) -> pl.DataFrame:
    """One file under our names for id (column `name`, which `key` names) and title."""
    source = open_source(path)
    require_column(source, name, key, ID_ALIASES)
    check_rows(source)
    return _table(source, name, title)


def join(tables: list[pl.DataFrame], key: str, where: AnyPath) -> pl.DataFrame:
    """The tables of several files as one, in dtypes that hold the values of all."""
    lists = [[isinstance(dtype, pl.List) for dtype in table.dtypes] for table in tables]
    try:
        if any(other != lists[0] for other in lists):  # what has no rows would be cast in silence
            raise SchemaError
        table = pl.concat(tables, how="vertical_relaxed")
    except PolarsError:
        raise DataError(
            f"the files behind {key} = '{where.name}' disagree about their columns; "
            "write them alike or into one file"
        ) from None
    return table.with_columns(_attribute(table[column]) for column in table.columns[2:])


def _table(source: Source, name: str, title: str | None) -> pl.DataFrame:
    """One file as it is, under our names for id and title, each column in a plain dtype."""
    attributes = [column for column in source.columns if column not in (name, title)]
    if taken := sorted((RESERVED | {Column.USER}).intersection(attributes)):
        raise DataError(
            f"{source.path.name} has a column '{taken[0]}', a name that pocketrec uses itself; "
            "rename the column"
        )
    try:
        if source.format == "jsonl":
            table = pl.read_ndjson(source.path, infer_schema_length=None)
        else:
            table = scan(source, source.columns).collect()
        known = title is not None and title in table.columns
        text = _text(table[str(title)], source) if known else pl.lit(None, pl.String)
        return table.select(
            _text(table[name], source).alias(Column.ITEM),
            text.alias(Column.TITLE),
            *(_plain(table[column], source) for column in attributes),
        )
    except READ_ERRORS as error:
        raise unreadable(source.path, source.format, error) from None


def _text(values: pl.Series, source: Source) -> pl.Series:
    """Ids or titles: single values as text, and the float 7.0 is "7"."""
    column = pl.col(values.name)
    if values.dtype.is_float():
        return values.to_frame().select(whole_text(column)).to_series()
    text = plain(column, values.dtype, values.name, source.path.name).cast(pl.String)
    return values.to_frame().select(text).to_series()


def _plain(values: pl.Series, source: Source) -> pl.Series:
    """A column of a file as Int64, Float64, String or List(String)."""
    if source.format in ("csv", "tsv"):
        return _typed(values)
    if values.dtype.is_decimal():
        return values.cast(pl.Float64)
    if values.dtype.is_integer():
        integers = values.cast(pl.Int64, strict=False)
        exact = integers.null_count() == values.null_count()
        return integers if exact else values.cast(pl.Float64)
    column = plain(pl.col(values.name), values.dtype, values.name, source.path.name, lists=True)
    values = values.to_frame().select(column).to_series()
    if values.dtype.is_float():
        # JSON, which carries the attributes to the device, has no NaN: it is as good as missing.
        return values.set(~values.is_finite(), None)
    return values.cast(pl.String) if values.dtype.is_temporal() else values


def _typed(values: pl.Series) -> pl.Series:
    """Text of a CSV as what all of it is: integers, numbers, lists, or text after all."""
    known = values.drop_nulls()
    if known.is_empty():
        return values
    integers = known.cast(pl.Int64, strict=False)
    if integers.cast(pl.String).eq_missing(known).all():
        return values.cast(pl.Int64)
    numbers = known.cast(pl.Float64, strict=False)
    codes = known.str.contains(r"^[+-]?0\d")  # "0123" is a code and not a number
    if numbers.is_finite().fill_null(value=False).all() and not codes.any():
        return values.cast(pl.Float64)
    if known.str.contains(LIST_SEPARATOR, literal=True).any():
        return values.to_frame().select(split_lists(pl.col(values.name))).to_series()
    return values


def _attribute(values: pl.Series) -> pl.Series:
    """Lists without a value are empty lists; everything else stays."""
    if isinstance(values.dtype, pl.List):
        return values.fill_null(pl.Series([[]], dtype=values.dtype))
    return values


def with_ids(table: pl.DataFrame, dtype: pl.DataType, name: str) -> pl.DataFrame:
    """Bring ITEM to `dtype`, without the rows whose id cannot be one; `name` is for errors."""
    item = pl.col(Column.ITEM)
    empty = table.select(no_id(item, pl.String()).sum()).item()
    if empty:
        raise DataError(f"'{name}' has {empty} of {table.height} rows without an id: give them one")
    if dtype == pl.Int64:
        # A float column of whole numbers (a habit of pandas) writes 7 as "7.0".
        text = item.str.replace(r"^(-?\d+)\.0$", "${1}")
        number = text.cast(pl.Int64, strict=False)
        table = table.with_columns(
            pl.when(number.cast(pl.String) == text).then(number).alias(Column.ITEM)
        ).filter(item.is_not_null())
    return table


def check_unique(ids: pl.Series, name: str) -> None:
    """Raise DataError for an id that stands twice in the table `name`."""
    twice = ids.filter(ids.is_duplicated())
    if len(twice):
        raise DataError(
            f"'{name}' holds the id {shown(twice[0])} more than once "
            f"({len(twice)} such rows): keep one row for each"
        )
