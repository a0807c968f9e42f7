"""Write docs/config.md from the descriptions in pocketrec.config: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo

from pocketrec.config.base import Section
from pocketrec.config.encoders import ENCODERS
from pocketrec.config.sections import Config

PAGE = Path(__file__).with_name("config.md")


OWN_ENCODER = [
    '`encoder = "package.module:Class"` is an encoder of your own. Python finds the module as for',
    "`import`: install it, or run `python -m pocketrec` instead of `pocketrec`, which also looks",
    "in the current folder. The folder of the TOML is not searched. `train`, `export` and",
    "`evaluate RUN` import the module; a bundle never does. A complete encoder is in",
    "[CONTRIBUTING](../CONTRIBUTING.md#a-new-encoder).",
]


def reference() -> str:
    """The page's text."""
    lines = [
        "# Every key of the TOML",
        "",
        "Written by `make docs` from `src/pocketrec/config/`. Unknown keys are errors. Paths are",
        "relative to the folder of the TOML. `--set section.key=value` changes a key for one run.",
    ]
    for name, section in Config.model_fields.items():
        model = section.annotation
        if not (isinstance(model, type) and issubclass(model, Section)):
            raise TypeError(f"[{name}] is no section")
        lines += ["", f"## [{name}]", "", (model.__doc__ or "").split("\n")[0], ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key, field) for key, field in model.model_fields.items()]
        if name == "model":
            lines += [
                "",
                "Defaults of each encoder. `layers`, `heads`, `feedforward` and `kernel_size` are",
                "errors for an encoder that does not list them here:",
                "",
            ]
            for encoder in ENCODERS.values():
                values = ", ".join(f"{key} = {value}" for key, value in encoder.defaults.items())
                lines.append(f"- `{encoder.name}`: {values}")
            lines += ["", *OWN_ENCODER]
    return "\n".join(lines) + "\n"


def _row(key: str, field: FieldInfo) -> str:
    default = "" if field.default is None else f"`{_toml(field.default)}`"
    kind = _encoders() if key == "encoder" else _type(field.annotation)
    return f"| `{key}` | {kind} | {default} | {field.description} |"


def _encoders() -> str:
    return ", ".join(f'`"{name}"`' for name in [*ENCODERS, "package.module:Class"])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f'"{value}"' if isinstance(value, str) else str(value)


def _type(annotation: Any) -> str:
    if "GroupConfig" in str(annotation):
        return "table of { features, encoder }"
    choices = re.findall(r"'([^']+)'", str(annotation))
    if "Literal" in str(annotation) and choices:
        listed = ", ".join(f'`"{choice}"`' for choice in choices)
        for shape in ("dict", "list"):
            if str(annotation).startswith(shape):
                return f"{'table of name =' if shape == 'dict' else 'list of'} {listed}"
        return listed
    inner = [part for part in get_args(annotation) if part is not type(None)]
    while inner and get_origin(inner[0]) is Annotated:
        inner = list(get_args(inner[0]))
    if "tuple" in str(annotation):
        return "list of int"
    return getattr(inner[0] if inner else annotation, "__name__", str(annotation))


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
