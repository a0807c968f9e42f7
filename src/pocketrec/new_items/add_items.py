"""A bundle and new items -> a bundle that recommends them too, without any training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..bundle.device import DeviceModel
from ..bundle.folder import Bundle, open_bundle, write_bundle
from ..bundle.golden import check_golden, make_golden
from ..bundle.manifest import KIND, BundleManifest
from ..bundle.query import Query
from ..errors import BundleError
from ..features.attributes import encode_attributes, fit_encoding
from ..schema import FloatArray, IntArray
from ..storage.artifact import fingerprint
from ..storage.draft import check_replaceable, new_folder
from .read_items import NewItems, attributes_read, read_items
from .table import append_rows, read_table
from .vectors import vectors_from_attributes

PLACES = 10
"""Length of the lists in which the share of new items is measured."""
WALKS = 48
"""Number of histories on which the share is measured, with 0, 1, 2, ... events."""
TRIALS, STRONGEST = 8, 4.0
"""How many strengths are tried, and the largest."""
STAND_INS = 0.1
"""Share of the old items that stand in for new ones while the strength is chosen."""
TOLERANCE = 1e-3
"""Largest change of an old item's score, which allows for rounding only."""


@dataclass(frozen=True)
class Added:
    """Summary of what was added."""

    new: NewItems
    bytes: int
    share: float
    """Share of new items in lists of ten, for histories sampled from the model."""
    alike: list[list[str]]
    """For each new item, the titles of the three old items with the most similar vectors."""


def add_items(
    source: Path, items: Path, out: Path, on_stage: Callable[[str], None] = lambda _: None
) -> Added:
    """Write the bundle `source` to `out` with the items of a CSV added, whole or not at all.

    A new item's vector is predicted from its attributes, by regression on the items that training
    saw. Such predictions lie too close to the mean vector, so new items would rarely be
    recommended. Their distance from the mean is therefore scaled up, until the share of new items
    in lists equals their share of the catalogue. A sample of old items, added again as if they
    were new, must not exceed its share either. Scores of old items do not change; this is checked.
    """
    bundle = open_bundle(source)
    check_replaceable(out, KIND)
    if bundle.manifest["quantization"] == "pq":
        raise BundleError(
            f"'{source}' stores its items as codes (export.quantization = 'pq'), so no item can "
            "be added: export the run as 'int8' and add the items to that bundle"
        )
    new = read_items(items, bundle)
    with new_folder(out, KIND) as draft:
        device = bundle.device()
        check_golden(bundle.manifest, device)
        mean, of_old, of_new = _vectors(bundle, new)
        walks = _walks(device)
        on_stage("choosing how strongly attributes count")
        strength = _strength(bundle, mean, of_old[:: round(1 / STAND_INS)], of_new, walks)
        content, larger = _extended(bundle, mean + strength * of_new)
        on_stage("checking that old items keep their scores")
        _check_scores(device, larger, walks)
        manifest = _manifest(bundle, larger, new, strength)
        everything = [*bundle.items, *new.items]
        write_bundle(draft, content, everything, larger.spec, manifest)
    return Added(
        new,
        len(content),
        float(np.mean(_places(larger, walks) > bundle.spec.shapes.items)),
        _alike(bundle, read_table(content)),
    )


def _vectors(bundle: Bundle, new: NewItems) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Predict vectors from attributes: the mean (D,), differences of old items and of new ones.

    The regression uses only items that training saw, not those added later.
    """
    trained = bundle.items[: bundle.spec.shapes.items - _added(bundle)]
    kinds = attributes_read(bundle)
    values = {name: [item.attributes.get(name) for item in trained] for name in kinds}
    try:
        encodings = {name: fit_encoding(values[name], kind) for name, kind in kinds.items()}
        known = encode_attributes(values, encodings).matrix
    except (TypeError, ValueError, OverflowError) as error:
        raise BundleError(f"the catalogue's attributes cannot be used: {error}") from None
    of_new = {name: [item.attributes.get(name) for item in new.items] for name in kinds}
    added = encode_attributes(of_new, encodings).matrix
    table = read_table(bundle.model)[1 : len(trained) + 1]
    mean, differences = vectors_from_attributes(table, known, np.concatenate([known, added]))
    if not np.isfinite(differences).all():
        raise BundleError("the catalogue's attributes are not finite numbers")
    return mean, differences[: len(trained)], differences[len(trained) :]


def _added(bundle: Bundle) -> int:
    """The number of items, at the end of the catalogue, that training never saw."""
    added = bundle.manifest.get("added", 0)
    if type(added) is not int or not 0 <= added < bundle.spec.shapes.items:
        raise BundleError(
            f"the manifest's 'added' is {added!r}, but must be an integer from 0 to "
            f"{bundle.spec.shapes.items - 1}: export the run again"
        )
    return added


def _extended(bundle: Bundle, vectors: NDArray[np.floating]) -> tuple[bytes, DeviceModel]:
    """Append rows to the bundle's item table; return the file's bytes and the loaded model."""
    content = append_rows(bundle.model, vectors.astype(np.float32))
    shapes = replace(bundle.spec.shapes, items=bundle.spec.shapes.items + len(vectors))
    return content, DeviceModel(content, replace(bundle.spec, shapes=shapes))


def _strength(
    bundle: Bundle,
    mean: FloatArray,
    stand_ins: FloatArray,
    of_new: FloatArray,
    walks: list[IntArray],
) -> float:
    """Find, by bisection, the largest strength at which no group exceeds its share of the places.

    The groups are the new items and the stand-ins: a few new items alone would give a poor
    estimate. A group may have one place more than its share of the catalogue.
    """
    old, counts = bundle.spec.shapes.items, (len(stand_ins), len(of_new))
    differences = np.concatenate([stand_ins, of_new])
    low, high = 1.0, STRONGEST
    for _ in range(TRIALS):
        middle = (low + high) / 2
        _, device = _extended(bundle, mean + middle * differences)
        places = _places(device, walks)
        of_stand_ins = np.sum((places > old) & (places <= old + counts[0]))
        counted = np.array([of_stand_ins, np.sum(places > old + counts[0])])
        allowed = np.array(counts) / (old + len(differences)) * len(places) + 1
        if (counted <= allowed).all():
            low = middle
        else:
            high = middle
    return low


def _walks(device: DeviceModel) -> list[IntArray]:
    """Sample histories from the model: each next event comes from the list for the events before.

    A bundle has no user data, so these stand in for users: histories of 0 to WALKS - 1 events.
    """
    random = np.random.default_rng(1)
    walks = []
    for length in range(WALKS):
        history = np.empty(0, np.int32)
        for _ in range(length):
            ids, _ = device.recommend(Query(history), k=min(PLACES, device.spec.shapes.results))
            if not len(ids):
                break
            history = np.append(history, random.choice(ids)).astype(np.int32)
        walks.append(history)
    return walks


def _places(device: DeviceModel, walks: list[IntArray]) -> IntArray:
    """The recommended items of all walks, concatenated."""
    k = min(PLACES, device.spec.shapes.results)
    return np.concatenate([device.recommend(Query(walk), k=k)[0] for walk in walks])


def _check_scores(device: DeviceModel, larger: DeviceModel, walks: list[IntArray]) -> None:
    """Raise BundleError if the score of any old item changed."""
    old = np.arange(1, device.spec.shapes.items + 1, dtype=np.int32)
    for walk in walks:
        query = Query(walk)
        difference = np.abs(device.score(query, old) - larger.score(query, old)).max()
        if not difference <= TOLERANCE:
            raise BundleError(
                f"scores of old items would change by {difference:.3g}: nothing was written"
            )


def _manifest(
    bundle: Bundle, larger: DeviceModel, new: NewItems, strength: float
) -> BundleManifest:
    """Update the old manifest for the new items; its quality still describes the original file."""
    entries = [[item.id, item.title, item.attributes] for item in new.items]
    histories = [vector["history"] for vector in bundle.manifest["golden"]]
    changed: BundleManifest = {
        "made_from": fingerprint(bundle.manifest["files"], entries),
        "added": _added(bundle) + len(new.items),
        "added_strength": round(strength, 3),
        "golden": make_golden(larger, histories),
    }
    return {**bundle.manifest, **changed}


def _alike(bundle: Bundle, table: FloatArray) -> list[list[str]]:
    """Titles of the three old items nearest to each new one, by cosine similarity."""
    length = np.linalg.norm(table, axis=1, keepdims=True)
    units = table / np.maximum(length, 1e-12)
    old = bundle.spec.shapes.items
    nearest = np.argsort(-(units[old + 1 :] @ units[1 : old + 1].T), axis=1, kind="stable")[:, :3]
    titles = [item.title or str(item.id) for item in bundle.items]
    return [[titles[index] for index in row] for row in nearest]
