"""What is wrong with a config, in one sentence."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, ValidationError

from ..errors import one_line, shown

RENAMED = {
    "features.hidden": "features.dropout",
    "model.followers": "model.successors",
    "model.follower_share": "model.successor_share",
    "model.min_follower_users": "model.min_successor_users",
}
"""Keys of older versions, and what they are called now."""


def explain(error: ValidationError, config: type[BaseModel]) -> str:
    """The first problem that pydantic found in a `config`."""
    problem = error.errors(include_url=False)[0]
    where = one_line(".".join(str(part) for part in problem["loc"]), 200)
    if problem["type"] == "extra_forbidden":
        if where in RENAMED:
            return f"{where} is now called {RENAMED[where]}: rename the key"
        known = ", ".join(sorted(_fields(config, problem["loc"][:-1])))
        return f"unknown key '{where}' (known here: {known})"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    if problem["type"] == "missing":
        return f"[{where}] is missing" if len(problem["loc"]) == 1 else f"{where} is missing"
    return f"{where} = {shown(problem['input'])}: {message}"


def _fields(config: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a location of the config may have."""
    section = config
    for part in location:
        field = section.model_fields.get(str(part))
        if field is None:  # a name that the user chose, in a table of tables
            continue
        for annotation in (field.annotation, *get_args(field.annotation)):
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                section = annotation
    return list(section.model_fields)
