"""Read a TOML file as a dictionary, with overrides from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..storage.paths import parse_path


def read_toml(path: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The content of a TOML file, with `overrides` such as "model.dim=32" laid over it.

    Raises ConfigError when the file cannot be read as TOML, or an override is none.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"there is no config file '{path}'") from None
    except RecursionError:
        raise ConfigError(f"{path} cannot be read as TOML: it is nested too deeply") from None
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no TOML, endless integers
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    for setting in overrides:
        override(document, setting)
    return document


def override(document: dict[str, Any], setting: str) -> None:
    """Apply `section.key=value` to a document; the value is TOML, or else a plain string.

    An empty value resets the key to its default.
    """
    key, equals, text = setting.partition("=")
    *sections, field = key.strip().split(".")
    if not (equals and sections and field):
        raise ConfigError(f"'{setting}' is not a setting: write section.key=value")
    table = document
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"'{section}' must be a table: [{section}]")
    if not text.strip():
        table.pop(field, None)
        return
    # Text that is not TOML, or that is several lines of it, is a plain string.
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        parsed = {}
    value = parsed["value"] if set(parsed) == {"value"} else text.strip()
    if key.strip() in ("data.path", "data.items", "data.users"):
        # Typed in a shell, so relative to the current folder, not to the folder of the TOML.
        value = str(parse_path(str(value), Path.cwd()))
    table[field] = value
