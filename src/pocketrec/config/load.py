"""Read a TOML file as a Config, with overrides from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..storage.paths import parse_path
from .sections import Config


def load_config(
    path: Path, overrides: Iterable[str] | None = None, *, check_sources: bool = True
) -> Config:
    """Read a TOML file, with `overrides` such as "model.dim=32" laid over it.

    With `check_sources` it must name the files to read. Raises ConfigError with the file, the key
    and what was expected.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"there is no config file '{path}'") from None
    except RecursionError:
        raise ConfigError(f"{path} cannot be read as TOML: it is nested too deeply") from None
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no TOML, endless integers
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    for override in overrides or []:
        _override(document, override)
    folder = path.resolve().parent
    return parse_config(document, name=str(path), folder=folder, check_sources=check_sources)


def parse_config(
    document: dict[str, Any],
    *,
    name: str,
    folder: Path | None = None,
    check_sources: bool = True,
) -> Config:
    """Check a config that is already a dictionary; `name` says in errors where it came from."""
    try:
        config = Config.model_validate(document)
        if check_sources:
            config.check_sources()
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    if folder is not None:
        config.in_folder(folder)
    return config


def override_config(config: Config, overrides: list[str] | None, *, only: str) -> Config:
    """The config of an artifact with overrides, which may change one section only."""
    document = config.model_dump(mode="json", exclude_unset=True)
    for override in overrides or []:
        if override.partition(".")[0].strip() != only:
            raise ConfigError(f"'{override}' cannot be changed any more, only [{only}] can")
        _override(document, override)
    return parse_config(document, name="--set", folder=config.folder)


def _override(document: dict[str, Any], override: str) -> None:
    """Apply `section.key=value` to a document; the value is TOML, or else a plain string.

    An empty value resets the key to its default.
    """
    key, equals, text = override.partition("=")
    *sections, field = key.strip().split(".")
    if not (equals and sections and field):
        raise ConfigError(f"'{override}' is not a setting: write section.key=value")
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
