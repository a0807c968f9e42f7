"""Read tables of a Python process (polars, pandas, Arrow) in place of files.

They are written as Parquet and then read like any file, so that both get the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ..config.sections import Config
from ..errors import DataError, shown

KEYS = {"events": "path", "items": "items", "users": "users"}
"""For each table, the key of [data] that names its file."""


def write_tables(config: Config, tables: Mapping[str, Any], folder: Path) -> Config:
    """Write tables into a folder; returns the config that reads them from there.

    `tables` has the keys "events", "items" and "users"; a table that is None is read from the file
    that the config names. Raises DataError for a value that is not a table.
    """
    names = {}
    for name, table in tables.items():
        if table is not None:
            _write(table, name, folder / f"{name}.parquet")
            names[KEYS[name]] = f"{name}.parquet"
    if not names:
        return config
    # The new config's paths start at `folder`, so the old config's own paths become absolute.
    kept = {
        key: str(config.resolve(path))
        for key in KEYS.values()
        if key not in names and (path := getattr(config.data, key)) is not None
    }
    data = config.data.model_copy(update=kept | names)
    return config.model_copy(update={"data": data}).in_folder(folder)


def _write(table: Any, name: str, path: Path) -> None:
    frame = _as_polars(table, name)
    # Dictionaries are how other libraries store repeated text; here it is text.
    coded = [
        column
        for column, dtype in frame.collect_schema().items()
        if isinstance(dtype, pl.Categorical | pl.Enum)
    ]
    frame.with_columns(pl.col(coded).cast(pl.String)).sink_parquet(path)


def _as_polars(table: Any, name: str) -> pl.LazyFrame:
    if isinstance(table, pl.LazyFrame):
        return table
    reason = "it is none"
    if hasattr(table, "__arrow_c_stream__"):  # of polars, pandas and Arrow alike
        try:
            return pl.DataFrame(table).lazy()
        except (TypeError, ValueError, pl.exceptions.PolarsError, ModuleNotFoundError) as error:
            reason = str(error)
    raise DataError(
        f"{name}={shown(table)} cannot be read as a table ({reason}): give a polars, pandas or "
        "Arrow table, or name a file in the config"
    )
