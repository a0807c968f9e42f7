"""Read the tables beside a log, such as the catalogue: id, title, attributes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError, SchemaError

from ..config.sections import Config
from ..errors import DataError, shown
from ..schema import LIST_SEPARATOR, RESERVED, Column
from ..storage.paths import AnyPath, local_copy
from .column_names import require_column
from .event_features import split_lists
from .files import find_files
from .ids import float_to_text, is_missing_id, to_basic
from .row_lengths import check_row_lengths
from .source import READ_ERRORS, Source, open_source, scan, unreadable

ID_ALIASES = ("id", "item", "item_id", "itemid", "movie_id", "movieid", "product_id", "sku")


def read_catalogue(config: Config, id_dtype: pl.DataType) -> pl.DataFrame:
    """Read the files behind data.items, with ids of `id_dtype`: see read.read_catalogue."""
    data = config.data
    where = config.resolve(str(data.items))
    tables = []
    for file in find_files(where, "data.items"):
        with local_copy(file) as path:
            tables.append(read_table(path, "data.items_id", data.items_id, data.items_title))
    table = cast_item_ids(concat_tables(tables, "data.items", where), id_dtype, where.name)
    check_unique_ids(table[Column.ITEM], where.name)
    return table


def read_table(path: Path, key: str, id_column: str, title: str | None) -> pl.DataFrame:
    """Read one file as ITEM, TITLE (both String) and attributes; the TOML's `key` names the id."""
    source = open_source(path)
    require_column(source, id_column, key, ID_ALIASES)
    check_row_lengths(source)
    return _read_columns(source, id_column, title)


def concat_tables(tables: list[pl.DataFrame], key: str, where: AnyPath) -> pl.DataFrame:
    """Concatenate the tables of several files, in dtypes that hold the values of all."""
    lists = [[isinstance(dtype, pl.List) for dtype in table.dtypes] for table in tables]
    try:
        # Polars would cast a table without rows from text to lists, or back, without an error.
        if any(other != lists[0] for other in lists):
            raise SchemaError
        table = pl.concat(tables, how="vertical_relaxed")
    except PolarsError:
        raise DataError(
            f"the files behind {key} = '{where.name}' differ in their columns or types: give all "
            "of them the same columns, or join them into one file"
        ) from None
    return table.with_columns(_fill_lists(table[column]) for column in table.columns[2:])


def _read_columns(source: Source, id_column: str, title: str | None) -> pl.DataFrame:
    attributes = [column for column in source.columns if column not in (id_column, title)]
    if taken := sorted((RESERVED | {Column.USER}).intersection(attributes)):
        raise DataError(
            f"{source.path.name} has a column '{taken[0]}', a name that pocketrec uses itself: "
            "rename the column"
        )
    try:
        if source.format == "jsonl":
            # Attributes keep their JSON types, which only all rows together tell.
            table = pl.read_ndjson(source.path, infer_schema_length=None)
        else:
            table = scan(source, source.columns).collect()
        has_title = title is not None and title in table.columns
        titles = _to_text(table[str(title)], source) if has_title else pl.lit(None, pl.String)
        return table.select(
            _to_text(table[id_column], source).alias(Column.ITEM),
            titles.alias(Column.TITLE),
            *(_to_attribute(table[column], source) for column in attributes),
        )
    except READ_ERRORS as error:
        raise unreadable(source.path, source.format, error) from None


def _to_text(values: pl.Series, source: Source) -> pl.Series:
    """Ids or titles as text; the float 7.0 becomes "7"."""
    column = pl.col(values.name)
    if values.dtype.is_float():
        return values.to_frame().select(float_to_text(column)).to_series()
    text = to_basic(column, values.dtype, values.name, source.path.name).cast(pl.String)
    return values.to_frame().select(text).to_series()


def _to_attribute(values: pl.Series, source: Source) -> pl.Series:
    """An attribute as Int64, Float64, String or List(String)."""
    if source.format in ("csv", "tsv"):
        return _infer_type(values)
    if values.dtype.is_decimal():
        return values.cast(pl.Float64)
    if values.dtype.is_integer():
        integers = values.cast(pl.Int64, strict=False)
        exact = integers.null_count() == values.null_count()
        return integers if exact else values.cast(pl.Float64)
    column = to_basic(pl.col(values.name), values.dtype, values.name, source.path.name, lists=True)
    values = values.to_frame().select(column).to_series()
    if values.dtype.is_float():
        # JSON, which carries attributes to the device, has no NaN or infinity: they become missing.
        return values.set(~values.is_finite(), None)
    return values.cast(pl.String) if values.dtype.is_temporal() else values


def _infer_type(values: pl.Series) -> pl.Series:
    """Text of a CSV as the first type that fits all of it: Int64, Float64, List(String), String."""
    known = values.drop_nulls()
    if known.is_empty():
        return values
    integers = known.cast(pl.Int64, strict=False)
    # Compared as text too, so that "007" and "+7" stay text.
    if integers.cast(pl.String).eq_missing(known).all():
        return values.cast(pl.Int64)
    numbers = known.cast(pl.Float64, strict=False)
    codes = known.str.contains(r"^[+-]?0\d")  # "0123" is a code, not a number
    if numbers.is_finite().fill_null(value=False).all() and not codes.any():
        return values.cast(pl.Float64)
    if known.str.contains(LIST_SEPARATOR, literal=True).any():
        return values.to_frame().select(split_lists(pl.col(values.name))).to_series()
    return values


def _fill_lists(values: pl.Series) -> pl.Series:
    """Replace null lists by empty ones; other columns stay."""
    if isinstance(values.dtype, pl.List):
        return values.fill_null(pl.Series([[]], dtype=values.dtype))
    return values


def cast_item_ids(table: pl.DataFrame, dtype: pl.DataType, name: str) -> pl.DataFrame:
    """Cast ITEM from String to `dtype`, without the rows that do not fit; errors use `name`.

    An id that is not an integer cannot occur in a log whose ids are all integers.
    """
    item = pl.col(Column.ITEM)
    missing = table.select(is_missing_id(item, pl.String()).sum()).item()
    if missing:
        raise DataError(
            f"'{name}' has {missing} of {table.height} rows without an id: add the ids or remove "
            "the rows"
        )
    if dtype == pl.Int64:
        # pandas often stores integers as floats, and so writes 7 as "7.0".
        text = item.str.replace(r"^(-?\d+)\.0$", "${1}")
        number = text.cast(pl.Int64, strict=False)
        table = table.with_columns(
            pl.when(number.cast(pl.String) == text).then(number).alias(Column.ITEM)
        ).filter(item.is_not_null())
    return table


def check_unique_ids(ids: pl.Series, name: str) -> None:
    """Raise DataError when table `name` holds an id more than once."""
    repeated = ids.filter(ids.is_duplicated())
    if len(repeated):
        raise DataError(
            f"'{name}' holds the id {shown(repeated[0])} more than once "
            f"({len(repeated)} such rows): keep one row for each id"
        )
