"""A bundle: the folder that an app needs and nothing else.

model.tflite, items.json (its n-th entry, counted from 1, is the item with index n) and
manifest.json. `write_bundle` makes one, `open_bundle` checks everything before anything is run.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BundleError, shown
from ..features.encoding import Feature
from ..schema import (
    LARGEST_BLOCKED,
    LARGEST_DIM,
    LARGEST_LENGTH,
    LARGEST_STATE,
    File,
)
from ..storage.artifact import open_manifest, read_checked
from ..storage.draft import Draft
from ..tflite.inspect import ModelFacts, inspect
from .contract import Shapes, check_contract, describe_inputs
from .device import DeviceModel
from .golden import check_golden_form
from .trial import remember, try_out

KIND = "bundle"

LARGEST_MODEL = 2**31
"""Bytes: no .tflite can have more."""
LARGEST_ITEMS = 2**28
"""Bytes of a catalogue, which take some thirty times as much memory: 250 for each of a million."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the catalogue, as the log spelled its id."""

    id: int | str
    title: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: checked, and read into memory."""

    manifest: dict[str, Any]
    shapes: Shapes
    features: tuple[Feature, ...]
    items: list[Item]
    model: bytes
    folder: Path = Path("bundle")
    """Where it was opened."""

    @property
    def exclude_seen(self) -> bool:
        """Whether the graph hides what the history holds."""
        return bool(self.manifest["exclude_seen"])

    def device(self, threads: int = 1) -> DeviceModel:
        """Load the model into the runtime; one that was never run here is tried out first.

        Raises BundleError when it cannot be loaded and run.
        """
        try_out(self.model, self.manifest)
        return DeviceModel(
            self.model,
            self.shapes,
            exclude_seen=self.exclude_seen,
            threads=threads,
            features=self.features,
        )


def write_bundle(
    draft: Draft,
    model: bytes,
    items: list[Item],
    shapes: Shapes,
    manifest: dict[str, Any],
    features: Sequence[Feature] = (),
) -> None:
    """Fill the draft of a bundle; `manifest` holds what is told beyond the contract.

    Raises BundleError if the model does not keep the contract.
    """
    facts = inspect(model)
    check_contract(facts, shapes, len(items), features)
    _check_items(items)
    check_golden_form(manifest, shapes, features)
    (draft.path / File.MODEL).write_bytes(model)
    entries = [{"id": i.id, "title": i.title, "attributes": i.attributes} for i in items]
    # One item a line: small, and still readable and comparable.
    lines = ",\n".join(json.dumps(e, ensure_ascii=False, allow_nan=False) for e in entries)
    (draft.path / File.ITEMS).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    draft.manifest.update(manifest)
    draft.manifest["shapes"] = shapes.to_json()
    draft.manifest["features"] = [feature.to_json() for feature in features]
    draft.manifest["inputs"] = describe_inputs(shapes, features)
    draft.manifest.update(_told(facts))
    remember(model, draft.manifest)  # who writes a bundle has run its model


def open_bundle(path: Path) -> Bundle:
    """Check hashes, contract and operators, then give the bundle; the model is not run yet.

    Raises BundleError (or ArtifactError for a folder that is no bundle) with the first problem.
    """
    path = Path(path)
    manifest = open_manifest(path, KIND, check_files=False)
    model = read_checked(path, manifest, File.MODEL, LARGEST_MODEL)
    text = read_checked(path, manifest, File.ITEMS, LARGEST_ITEMS)
    try:
        shapes = Shapes(**manifest["shapes"])
        exclude_seen = manifest["exclude_seen"]
        features = tuple(Feature.from_json(entry) for entry in manifest["features"])
        with _without_collector():
            entries = json.loads(text)
            if b"\\u" in text:  # which we never write: it may be half of a character
                json.dumps(entries, ensure_ascii=False).encode()
            items = [Item(entry["id"], entry["title"], entry["attributes"]) for entry in entries]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"'{path}' is no complete bundle ({shown(error)})") from None
    sizes = manifest["shapes"].values()
    if any(type(size) is not int or size < 1 for size in sizes) or type(exclude_seen) is not bool:
        raise BundleError(f"'{path}' has a manifest with sizes that are no positive integers")
    most = {"length": LARGEST_LENGTH, "dim": LARGEST_DIM, "blocked": LARGEST_BLOCKED}
    most |= {"state": LARGEST_STATE}
    most |= {"results": shapes.items, "candidates": shapes.items}
    if too_large := [name for name in most if getattr(shapes, name) > most[name]]:
        raise BundleError(f"'{path}' has a model of a {too_large[0]} that no config can ask for")
    facts = inspect(model)
    check_contract(facts, shapes, len(items), features)
    for name, value in _told(facts).items():
        if manifest.get(name) != value:
            raise BundleError(f"'{path}' has a manifest with other {name} than its model")
    _check_items(items)
    check_golden_form(manifest, shapes, features)
    return Bundle(manifest, shapes, features, items, model, path)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of objects are made, none of them garbage: looking for it trebles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _told(facts: ModelFacts) -> dict[str, Any]:
    """What the manifest repeats of the model, for readers who do not open it."""
    return {
        "operators": facts.operators,
        "signatures": {name: spec.to_json() for name, spec in sorted(facts.signatures.items())},
    }


def _check_items(items: list[Item]) -> None:
    """Raise BundleError unless every entry has an id of its own, and title and attributes."""
    for place, item in enumerate(items, start=1):
        if (
            type(item.id) not in (int, str)
            or not isinstance(item.title, str | None)
            or not isinstance(item.attributes, dict)
        ):
            raise BundleError(f"item {place} of the catalogue is not id, title and attributes")
    if len({str(item.id) for item in items}) != len(items):
        raise BundleError("the catalogue lists an item twice")
