"""Find the data files that a path, folder, glob or URL names."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Literal

from ..errors import DataError
from ..storage.paths import AnyPath, Url, find_remote, is_glob

Format = Literal["csv", "tsv", "jsonl", "parquet"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".parquet": "parquet",
}
"""Format by file name ending."""


def find_files(where: AnyPath, key: str) -> list[AnyPath]:
    """The data files of a file, folder or glob, sorted by name; errors name the TOML's `key`.

    In a folder, files with other endings are ignored. Raises DataError when there is no data file,
    or when the files have different formats.
    """
    try:
        files: list[AnyPath] = [*_find_url(where)] if isinstance(where, Url) else [*_find(where)]
    except (OSError, ValueError):  # the path is too long, or holds a NUL
        files = []
    if not files:
        raise DataError(
            f"no data file at '{where}' (expected {', '.join(FORMATS)}): correct {key}; a relative "
            "path starts at the TOML's folder"
        )
    formats = {file_format(file) for file in files}
    if len(formats) > 1:
        raise DataError(
            f"'{where}' holds files of different formats ({', '.join(sorted(formats))}), but one "
            f"table needs one format: select it with {key}, for example '*.{min(formats)}'"
        )
    return files


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        files = [file for file in path.iterdir() if file.is_file() and _format(file) is not None]
    else:
        matches = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        files = [file for file in matches if file.is_file()]
    return sorted(file for file in files if not file.name.startswith("."))


def _find_url(url: Url) -> list[Url]:
    files = find_remote(url)
    if files != [url] and not is_glob(url):  # the URL is a folder
        files = [file for file in files if _format(file) is not None]
    return [file for file in files if not file.name.startswith(".")]


def file_format(path: AnyPath) -> Format:
    """The format by a file's name ending; DataError when the ending is unknown."""
    known = _format(path)
    if known is None:
        raise DataError(
            f"{path.name} has an unknown ending (expected {', '.join(FORMATS)}): rename or convert "
            "the file"
        )
    return known


def _format(path: AnyPath) -> Format | None:
    name = path.name.lower()
    return next((FORMATS[end] for end in FORMATS if name.endswith(end)), None)
