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
"""Length of the lists in which new items are to get their share."""
WALKS = 48
"""Histories on which the share is counted: of no event, of one, and so on."""
TRIALS, STRONGEST = 8, 4.0
"""Strengths that are tried, and the largest."""
STAND_INS = 0.1
"""Share of the old items that stand in for new ones while the strength is chosen."""
TOLERANCE = 1e-3
"""By how much a score of an old item may change: by rounding only."""


@dataclass(frozen=True)
class Added:
    """What was done, for a person to look at."""

    new: NewItems
    bytes: int
    share: float
    """Of the places in lists of ten, on histories that the model makes up, that new items got."""
    alike: list[list[str]]
    """For each new item the titles of the three old ones whose vectors are most like its own."""


def add_items(
    source: Path, items: Path, out: Path, on_stage: Callable[[str], None] = lambda _: None
) -> Added:
    """Write the bundle `source` with the items of a CSV added, whole or not at all.

    A new item gets the vector that its attributes suggest, by regression on the items that
    training saw. The suggestion is cautious (it is an average, close to that of all items), so its
    distance from the average is stretched, until new items, and old ones added once more as if
    they were new, get the share of the places in lists that they have in the catalogue. Scores of
    old items stay as they were, which is checked.
    """
    bundle = open_bundle(source)
    check_replaceable(out, KIND)
    if bundle.manifest["quantization"] == "pq":
        raise BundleError(
            f"'{source}' keeps its items as codes (export.quantization = 'pq'), to which none can "
            "be added: export the run as 'int8' and add them to that"
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
    """The mean vector, and how old and new items should differ from it by their attributes.

    Learned from items that training saw, and not from those that were added.
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
    """How many of the items, the last ones, training never saw."""
    added = bundle.manifest.get("added", 0)
    if type(added) is not int or not 0 <= added < bundle.spec.shapes.items:
        raise BundleError(f"the manifest says that {added!r} items were added, which cannot be")
    return added


def _extended(bundle: Bundle, vectors: NDArray[np.floating]) -> tuple[bytes, DeviceModel]:
    """The bundle's model with rows appended, as a file and loaded."""
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
    """The most by which differences may be stretched, so that nobody gets more than their share.

    Neither the new items, nor the stand-ins (few new ones say little of the scale), get more of
    the places than they are of the catalogue, but for one place.
    """
    old, counts = bundle.spec.shapes.items, (len(stand_ins), len(of_new))
    differences = np.concatenate([stand_ins, of_new])
    low, high = 1.0, STRONGEST
    for _ in range(TRIALS):
        middle = (low + high) / 2
        _, device = _extended(bundle, mean + middle * differences)
        places = _places(device, walks)
        of_stand_ins = np.sum((places > old) & (places <= old + counts[0]))
        found = np.array([of_stand_ins, np.sum(places > old + counts[0])])
        wanted = np.array(counts) / (old + len(differences)) * len(places) + 1
        if (found <= wanted).all():
            low = middle
        else:
            high = middle
    return low


def _walks(device: DeviceModel) -> list[IntArray]:
    """Histories that the model makes up: each event is drawn from its own list for those before.

    They stand for users where there are no data: likely histories of 0 to WALKS - 1 events.
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
    """The items of all lists, one after the other."""
    k = min(PLACES, device.spec.shapes.results)
    return np.concatenate([device.recommend(Query(walk), k=k)[0] for walk in walks])


def _check_scores(device: DeviceModel, larger: DeviceModel, walks: list[IntArray]) -> None:
    """Raise BundleError unless all old items have the scores that they had."""
    old = np.arange(1, device.spec.shapes.items + 1, dtype=np.int32)
    for walk in walks:
        query = Query(walk)
        difference = np.abs(device.score(query, old) - larger.score(query, old)).max()
        if not difference <= TOLERANCE:
            raise BundleError(f"scores of old items would change by {difference:.3g}: not written")


def _manifest(
    bundle: Bundle, larger: DeviceModel, new: NewItems, strength: float
) -> BundleManifest:
    """The old bundle's, with what is new; its quality is of the file that training gave."""
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
    """The nearest old items of each new one, by the angle between vectors."""
    length = np.linalg.norm(table, axis=1, keepdims=True)
    units = table / np.maximum(length, 1e-12)
    old = bundle.spec.shapes.items
    nearest = np.argsort(-(units[old + 1 :] @ units[1 : old + 1].T), axis=1, kind="stable")[:, :3]
    titles = [item.title or str(item.id) for item in bundle.items]
    return [[titles[index] for index in row] for row in nearest]
