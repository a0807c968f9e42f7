"""A bundle: the one folder that an app needs.

It holds model.tflite, items.json (its n-th entry, counted from 1, is the item with index n) and
manifest.json. `write_bundle` makes one; `open_bundle` checks everything before anything is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BundleError, shown
from ..schema import LARGEST_BLOCKED, LARGEST_DIM, LARGEST_LENGTH, LARGEST_STATE, File
from ..storage.artifact import read_checked
from ..storage.draft import Draft
from ..tflite.inspect import ModelFacts, inspect
from .contract import GraphSpec, check_contract, describe_inputs
from .device import DeviceModel
from .golden import check_golden_form
from .manifest import BundleManifest, read_manifest
from .trial import remember, try_out

LARGEST_MODEL = 2**31
"""Bytes: no .tflite can be larger."""
LARGEST_ITEMS = 2**28
"""Bytes of items.json, about 250 for each of a million items; read, they take far more memory."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the catalogue, as the log spelled its id."""

    id: int | str
    title: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: checked, and read into memory."""

    manifest: BundleManifest
    spec: GraphSpec
    items: list[Item]
    model: bytes
    folder: Path = Path("bundle")
    """Where it was opened."""

    def device(self, threads: int = 1) -> DeviceModel:
        """Load the model into the runtime, after a trial run if it never ran on this machine.

        Raises BundleError when it cannot be loaded and run.
        """
        try_out(self.model, self.manifest)
        return DeviceModel(self.model, self.spec, threads=threads)


def write_bundle(
    draft: Draft, model: bytes, items: list[Item], spec: GraphSpec, manifest: BundleManifest
) -> None:
    """Fill the draft of a bundle; `manifest` holds the entries that do not follow from the others.

    Raises BundleError if the model does not keep the contract.
    """
    facts = inspect(model)
    check_contract(facts, spec, len(items))
    _check_items(items)
    check_golden_form(manifest, spec)
    (draft.path / File.MODEL).write_bytes(model)
    entries = [{"id": i.id, "title": i.title, "attributes": i.attributes} for i in items]
    # One item a line: small, and still readable and easy to compare.
    lines = ",\n".join(json.dumps(e, ensure_ascii=False, allow_nan=False) for e in entries)
    (draft.path / File.ITEMS).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    # Keys that `manifest` has already keep their place in the file, which is hashed as it stands.
    draft.manifest.update(manifest)
    draft.manifest.update(spec.to_json())
    draft.manifest["inputs"] = describe_inputs(spec)
    draft.manifest.update(_summary(facts))
    remember(model, draft.manifest)  # whoever writes a bundle has run its model


def open_bundle(path: Path) -> Bundle:
    """Check hashes, contract and operators, and read a bundle; the model is not run yet.

    Raises BundleError with the first problem, ArtifactError for a folder that is no bundle.
    """
    path = Path(path)
    manifest = read_manifest(path)
    model = read_checked(path, manifest, File.MODEL, LARGEST_MODEL)
    text = read_checked(path, manifest, File.ITEMS, LARGEST_ITEMS)
    try:
        spec = GraphSpec.from_json(manifest)
        items = _read_items(text)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"'{path}' is not a complete bundle ({shown(error)})") from None
    _check_sizes(path, spec, manifest["shapes"])
    facts = inspect(model)
    check_contract(facts, spec, len(items))
    for name, value in _summary(facts).items():
        if manifest.get(name) != value:
            raise BundleError(f"'{path}' has a manifest whose {name} differ from the model's")
    _check_items(items)
    check_golden_form(manifest, spec)
    return Bundle(manifest, spec, items, model, path)


def _read_items(text: bytes) -> list[Item]:
    """The items of an items.json; KeyError, TypeError or ValueError for anything else."""
    items = json.loads(text)
    # We never write \u escapes. In another writer's file one may be half of a surrogate pair,
    # which no UTF-8 output can hold: encode() raises a ValueError for it.
    if b"\\u" in text:
        json.dumps(items, ensure_ascii=False).encode()
    # In place, so that each entry is freed as its item is made. A second list would hold a third
    # more objects at once, and Python's garbage collector visits all of them each time their
    # number has grown by a quarter: 0.6 s more for 300,000 items.
    for n, entry in enumerate(items):
        items[n] = Item(entry["id"], entry["title"], entry["attributes"])
    return items  # type: ignore[no-any-return]


def _check_sizes(path: Path, spec: GraphSpec, sizes: Mapping[str, Any]) -> None:
    """Raise BundleError for sizes that no export writes; `sizes` are the manifest's own."""
    shapes = spec.shapes
    if not all(type(size) is int and size >= 1 for size in sizes.values()):
        raise BundleError(f"'{path}' has a manifest whose shapes are not all positive integers")
    if type(spec.exclude_seen) is not bool:
        raise BundleError(f"'{path}' has a manifest whose exclude_seen is neither true nor false")
    most = {
        "length": LARGEST_LENGTH,
        "dim": LARGEST_DIM,
        "blocked": LARGEST_BLOCKED,
        "state": LARGEST_STATE,
        "results": shapes.items,
        "candidates": shapes.items,
    }
    if too_large := [name for name in most if getattr(shapes, name) > most[name]]:
        name = too_large[0]
        raise BundleError(
            f"'{path}' has a model whose {name} is {getattr(shapes, name)}, where {most[name]} is "
            "the most"
        )


def _summary(facts: ModelFacts) -> dict[str, Any]:
    """What the manifest repeats of the model, for readers who do not open the model."""
    return {
        "operators": facts.operators,
        "signatures": {name: spec.to_json() for name, spec in sorted(facts.signatures.items())},
    }


def _check_items(items: list[Item]) -> None:
    """Raise BundleError unless every item has a unique id, a title (or None) and attributes."""
    for place, item in enumerate(items, start=1):
        if (
            type(item.id) not in (int, str)
            or not isinstance(item.title, str | None)
            or not isinstance(item.attributes, dict)
        ):
            raise BundleError(
                f"item {place} of the catalogue does not have an id, a title and attributes"
            )
    if len({str(item.id) for item in items}) != len(items):
        raise BundleError("the catalogue lists an item twice")
