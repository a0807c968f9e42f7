"""Read a TOML file as a Config, with settings of the command line laid over it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ..errors import ConfigError, one_line, shown
from ..storage.paths import parse_path
from .sections import Config

RENAMED = {
    "features.hidden": "features.dropout",
    "model.followers": "model.successors",
    "model.follower_share": "model.successor_share",
    "model.min_follower_users": "model.min_successor_users",
}
"""Keys of older versions, and what they are called now."""


def load_config(path: Path, overrides: list[str] | None = None) -> Config:
    """Read a TOML file, with `overrides` such as "model.dim=32" laid over it.

    Raises ConfigError with the file, the key and what was expected.
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
    return parse_config(document, name=str(path), folder=path.resolve().parent)


def parse_config(document: dict[str, Any], *, name: str, folder: Path | None = None) -> Config:
    """Check a config that is already a dictionary; `name` says in errors where it came from."""
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_explain(error)}") from None
    if folder is not None:
        config.in_folder(folder)
    return config


def override_config(config: Config, overrides: list[str] | None, *, only: str) -> Config:
    """A config of an artifact with settings of one section changed."""
    document = config.model_dump(mode="json", exclude_unset=True)
    for override in overrides or []:
        if override.partition(".")[0].strip() != only:
            raise ConfigError(f"'{override}' cannot be changed any more, only [{only}] can")
        _override(document, override)
    return parse_config(document, name="--set", folder=config.folder)


def _override(document: dict[str, Any], override: str) -> None:
    """Lay `section.key=value` over a document; the value is TOML, or else a plain string.

    Without a value the key goes back to its default.
    """
    key, equals, text = override.partition("=")
    *sections, field = key.strip().split(".")
    if not (equals and sections and field):
        raise ConfigError(f"'{override}' is no setting; write section.key=value")
    table = document
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"'{section}' must be a table: [{section}]")
    if not text.strip():
        table.pop(field, None)
        return
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        parsed = {}
    value = parsed["value"] if set(parsed) == {"value"} else text.strip()
    if key.strip() in ("data.path", "data.items", "data.users"):
        # Typed in a shell: taken from where one is.
        value = str(parse_path(str(value), Path.cwd()))
    table[field] = value


def _explain(error: ValidationError) -> str:
    """The first problem of a validation, in one sentence."""
    problem = error.errors(include_url=False)[0]
    where = one_line(".".join(str(part) for part in problem["loc"]), 200)
    if problem["type"] == "extra_forbidden":
        if where in RENAMED:
            return f"{where} is now called {RENAMED[where]}: rename the key"
        known = ", ".join(sorted(_fields(problem["loc"][:-1])))
        return f"unknown key '{where}' (known here: {known})"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    if problem["type"] == "missing":
        return f"[{where}] is missing" if len(problem["loc"]) == 1 else f"{where} is missing"
    return f"{where} = {shown(problem['input'])}: {message}"


def _fields(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:  # a name of the user's, in a table of tables
            continue
        for annotation in (field.annotation, *get_args(field.annotation)):
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    return list(model.model_fields)
