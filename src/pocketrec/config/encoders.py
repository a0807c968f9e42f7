"""Encoders by name: what their files declare, read from the source without importing torch.

A built-in encoder is a file in `models/encoders`; nothing else lists it. An encoder of the user's
own is "package.module:Class". Both declare themselves in the body of the class:

    class BagOfWords(Encoder):
        name = "bow"
        defaults = {"layers": 1, "feedforward": 4, "max_length": 200}

The source is parsed, never run: reading a TOML needs no torch and executes no code that the TOML
names (docs/decisions/0019-encoders.md).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources, util
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from ..errors import ConfigError, shown

OPTIONAL_FIELDS = frozenset({"layers", "heads", "feedforward", "kernel_size"})
"""Fields of [model] that only some encoders read; an encoder reads those it has a default for."""

_DECLARABLE = OPTIONAL_FIELDS | {"max_length"}
_OWN = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<cls>[^\W\d]\w*)")
_PACKAGE = "pocketrec.models.encoders"
_FOLDER = resources.files("pocketrec").joinpath("models", "encoders")


@dataclass(frozen=True)
class EncoderSpec:
    """What an encoder's class declares, and where the class is."""

    name: str
    """As the TOML writes it."""
    target: str
    """"package.module:Class"."""
    defaults: Mapping[str, int]
    """Of `max_length` and of the optional fields that the encoder reads."""

    @property
    def fields(self) -> frozenset[str]:
        """The optional fields of [model] that the encoder reads; it refuses the others."""
        return OPTIONAL_FIELDS & frozenset(self.defaults)


def find_encoder(name: str) -> EncoderSpec:
    """The encoder of this name; raises ConfigError with the remedy when there is none."""
    if name in ENCODERS:
        return ENCODERS[name]
    if not (own := _OWN.fullmatch(name)):
        raise ConfigError(
            f"use {', '.join(map(repr, ENCODERS))}, or 'package.module:Class' for your own encoder"
        )
    classes = dict(_declarations(_source_of(own["module"]), own["module"]))
    if own["cls"] not in classes:
        raise ConfigError(
            f"module '{own['module']}' defines no class '{own['cls']}' "
            f"(it defines: {', '.join(classes) or 'none'})"
        )
    return EncoderSpec(name, name, _checked(classes[own["cls"]].get("defaults"), own["cls"]))


def _built_in(folder: Traversable) -> Iterator[EncoderSpec]:
    """Classes with a `name` in the files of a folder, in order of the files."""
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            module = f"{_PACKAGE}.{file.name.removesuffix('.py')}"
            for cls, declared in _declarations(file.read_text(encoding="utf-8"), module):
                if name := declared.get("name"):
                    defaults = _checked(declared.get("defaults"), cls)
                    yield EncoderSpec(name, f"{module}:{cls}", defaults)


def _source_of(module: str) -> str:
    """The text of a module on Python's path; of a package in a package the parents are imported."""
    try:
        spec = util.find_spec(module)
    except Exception as error:  # a parent package runs, and may raise anything
        raise ConfigError(
            f"Python cannot look for module '{module}' ({type(error).__name__}: {error}): mend "
            "the package that it is in"
        ) from None
    if spec is None:
        raise ConfigError(
            f"Python finds no module '{module}': install it, or run 'python -m pocketrec' instead "
            f"of 'pocketrec' in the folder that holds {module.partition('.')[0]}.py"
        )
    # Built-in modules, extensions and namespace packages have loaders without a source.
    read = getattr(spec.loader, "get_source", lambda _: None)
    source = read(module)
    if source is None:
        raise ConfigError(f"module '{module}' has no Python source to read an encoder from")
    return str(source)


def _declarations(source: str, module: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each class of a module's text, with the literal values of its `name` and `defaults`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ConfigError(f"module '{module}' is not valid Python ({error})") from None
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, dict(_literals(node))


def _literals(cls: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for node in cls.body:
        # `defaults = {...}`, or with a type: `defaults: ClassVar = {...}`
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("name", "defaults"):
                try:
                    yield target.id, ast.literal_eval(node.value)  # type: ignore[attr-defined]
                except (ValueError, TypeError, SyntaxError):
                    yield target.id, None  # computed: as if it were not declared


def _checked(defaults: Any, cls: str) -> dict[str, int]:
    """Defaults that [model] has fields for, `max_length` among them; else ConfigError."""
    if not isinstance(defaults, dict) or "max_length" not in defaults:
        raise ConfigError(
            f"class '{cls}' must declare its defaults as literal numbers, max_length among them: "
            'defaults = {"layers": 2, "max_length": 200}'
        )
    for field, value in defaults.items():
        if field not in _DECLARABLE:
            raise ConfigError(
                f"class '{cls}' declares a default for {shown(field)}, which is no optional field "
                f"of [model]: choose from {', '.join(sorted(_DECLARABLE))}"
            )
        if type(value) is not int or value < 1:
            raise ConfigError(
                f"class '{cls}' declares {field} = {shown(value)}: write a whole number from 1"
            )
    return defaults


def _check_name(name: str) -> str:
    try:
        find_encoder(name)
    except ConfigError as error:
        # A custom error, so that the key and its value are put before the sentence.
        raise PydanticCustomError("encoder", "{why}", {"why": str(error)}) from None
    return name


ENCODERS: dict[str, EncoderSpec] = {spec.name: spec for spec in _built_in(_FOLDER)}
"""The built-in encoders by name."""

EncoderName = Annotated[str, AfterValidator(_check_name)]
"""A built-in encoder's name, or "package.module:Class"."""
