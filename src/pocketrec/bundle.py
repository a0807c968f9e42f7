"""A bundle: the folder that an app needs and nothing else.

model.tflite, items.json (its n-th entry, counted from 1, is the item with index n) and
manifest.json. `write_bundle` makes one, `open_bundle` checks everything before anything is run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .artifact import Draft, open_manifest, read_checked
from .device import DeviceModel, Shapes
from .encoding import MISSING, Feature
from .errors import BundleError
from .golden import check_golden_form
from .schema import PADDING, File, Signature
from .tflite import ModelFacts, inspect

KIND = "bundle"

# fmt: off
OPERATORS = frozenset({
    "ADD", "BATCH_MATMUL", "CAST", "CONCATENATION", "DIV", "EMBEDDING_LOOKUP",
    "FULLY_CONNECTED", "GATHER_ND", "GELU", "GREATER", "GREATER_EQUAL", "LESS", "LOG",
    "LOGISTIC", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "NOT_EQUAL", "ONE_HOT", "PAD", "RESHAPE",
    "RSQRT", "SCATTER_ND", "SELECT", "SLICE", "SOFTMAX", "SQUARED_DIFFERENCE", "SUB", "SUM",
    "TANH", "TOPK_V2", "TRANSPOSE",
})
# fmt: on
"""Built-in operators that our graphs use; a model with any other is refused, unloaded."""


@dataclass(frozen=True)
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

    @property
    def exclude_seen(self) -> bool:
        """Whether the graph hides what the history holds."""
        return bool(self.manifest["exclude_seen"])

    def device(self, threads: int = 1) -> DeviceModel:
        """Load the model into the runtime."""
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


def open_bundle(path: Path) -> Bundle:
    """Check hashes, contract and operators, then give the bundle; the model is not run yet.

    Raises BundleError (or ArtifactError for a folder that is no bundle) with the first problem.
    """
    manifest = open_manifest(path, KIND, check_files=False)
    model = read_checked(path, manifest, File.MODEL)
    text = read_checked(path, manifest, File.ITEMS)
    try:
        shapes = Shapes(**manifest["shapes"])
        exclude_seen = manifest["exclude_seen"]
        features = tuple(Feature.from_json(entry) for entry in manifest["features"])
        items = [
            Item(entry["id"], entry["title"], entry["attributes"]) for entry in json.loads(text)
        ]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"'{path}' is no complete bundle: {error!r}") from None
    sizes = [value for value in shapes.to_json().values() if type(value) is not int or value < 1]
    if sizes or type(exclude_seen) is not bool:
        raise BundleError(f"'{path}' has a manifest with sizes that are no positive integers")
    facts = inspect(model)
    check_contract(facts, shapes, len(items), features)
    for name, value in _told(facts).items():
        if manifest.get(name) != value:
            raise BundleError(f"'{path}' has a manifest with other {name} than its model")
    _check_items(items)
    check_golden_form(manifest, shapes, features)
    return Bundle(manifest, shapes, features, items, model)


def _told(facts: ModelFacts) -> dict[str, Any]:
    """What the manifest repeats of the model, for readers who do not open it."""
    return {
        "operators": list(facts.operators),
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


def describe_inputs(shapes: Shapes, features: Sequence[Feature]) -> dict[str, Any]:
    """What an app has to know to fill each input: dtype, shape, encoding, and what missing is."""
    item = f"index of an item, 1..{shapes.items}: its place in items.json, counted from 1"
    newest = f"oldest first, the newest {shapes.length}, then padding"
    told: dict[str, dict[str, Any]] = {
        Signature.ITEM_ID: {"encoding": item, "order": newest, "missing": PADDING},
        Signature.BLOCKED: {"encoding": item, "order": "any", "missing": PADDING},
        Signature.CANDIDATES: {"encoding": item, "order": "any", "missing": PADDING},
        Signature.USER_VECTOR: {"encoding": "added to the user's vector", "missing": 0.0},
        Signature.TARGET: {
            "encoding": "1 for a candidate that was liked, -1 for one that was disliked",
            "order": f"as {Signature.CANDIDATES}",
            "missing": 0.0,
        },
        Signature.LEARNING_RATE: {"encoding": "size of the step", "missing": 0.0},
    }
    for feature in features:
        told[feature.input] = {
            "encoding": f"rows of the feature '{feature.name}', see features",
            "order": f"as {Signature.ITEM_ID}" if feature.of == "event" else "any",
            "missing": MISSING,
        }
    for signature in shapes.signatures(features).values():
        for name, spec in signature.inputs.items():
            told[name] |= spec.to_json()
    return told


def check_contract(
    facts: ModelFacts, shapes: Shapes, item_count: int, features: Sequence[Feature] = ()
) -> None:
    """Raise BundleError unless operators, signatures and item list are what they must be."""
    if foreign := sorted(set(facts.operators) - OPERATORS):
        raise BundleError(f"the model uses operators that are not allowed: {', '.join(foreign)}")
    expected = shapes.signatures(features)
    for name, signature in expected.items():
        found = facts.signatures.get(name)
        if found != signature:
            raise BundleError(
                f"signature '{name}' is {found.to_json() if found else 'missing'}, where "
                f"{signature.to_json()} is expected"
            )
    if item_count != shapes.items:
        raise BundleError(f"the catalogue has {item_count} items, the model {shapes.items}")
    if not any(constant.shape == (shapes.items + 1, shapes.dim) for constant in facts.constants):
        raise BundleError(
            f"the model has no item table of {shapes.items + 1} x {shapes.dim} numbers"
        )
