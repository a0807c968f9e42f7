"""A site: the built page and a bundle, read into memory once and compressed.

The server and the export for a static host use the same dictionary of files, so no request can
reach a file that is not in it.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..bundle.folder import LARGEST_ITEMS, Bundle
from ..bundle.manifest import read_manifest
from ..errors import ArtifactError
from ..schema import VERSION, File
from ..storage.artifact import LARGEST_MANIFEST, read_checked, read_regular
from ..storage.draft import new_folder

KIND = "site"
PAGE = Path(__file__).parent / "static"
"""Where `make page` builds the page, and where a wheel keeps it."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tflite": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""Content types by file ending; the machine's own table varies from machine to machine."""

SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""Endings of compressed files by content coding, the smaller coding first."""

_HASHED = re.compile(r"assets/.*-([0-9A-Z]{8}|[0-9a-f]{8,64})\.[a-z0-9]+")


@dataclass(frozen=True)
class Body:
    """Bytes as they are sent, with the tag by which a browser asks whether they changed."""

    content: bytes
    etag: str


@dataclass(frozen=True)
class Resource:
    """One file of a site; its bodies by content coding always include "identity"."""

    type: str
    bodies: dict[str, Body]
    immutable: bool = False  # its name holds the hash of its content


Site = dict[str, Resource]
"""Files by their name, relative to the page: "index.html", "bundle/model.tflite"."""


def read_page(folder: Path = PAGE) -> Site:
    """The built page; raises ArtifactError when it was not built."""
    if not (folder / "index.html").is_file():
        raise ArtifactError(
            "the page is not built here: run `make app` in a checkout of pocketrec (it needs "
            "Node 20), or install a wheel, which includes it"
        )
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    site = {}
    for name, content in files.items():
        plain, dot, ending = name.rpartition(".")
        if dot + ending in SUFFIXES.values() and plain in files:
            continue  # the compressed form of another file
        coded = {coding: files.get(name + suffix) for coding, suffix in SUFFIXES.items()}
        site[name] = _resource(name, {"identity": content, **coded})
    return site


def read_bundle(folder: Path, bundle: Bundle) -> Site:
    """The three files of an opened bundle, which must not have changed since they were checked."""
    files = {
        File.MANIFEST: read_regular(folder / File.MANIFEST, LARGEST_MANIFEST),
        File.ITEMS: read_checked(folder, bundle.manifest, File.ITEMS, LARGEST_ITEMS),
        File.MODEL: bundle.model,
    }
    if read_manifest(folder) != bundle.manifest:
        raise ArtifactError(f"'{folder}' changed while it was read: run the command again")
    site = {}
    for name, content in files.items():
        packed = gzip.compress(content, mtime=0)
        smaller = packed if len(packed) < len(content) else None
        site[f"bundle/{name}"] = _resource(name, {"identity": content, "gzip": smaller})
    return site


def write_site(site: Site, out: Path) -> None:
    """Write a site whole or not at all; it replaces an older site at `out`, and nothing else.

    Compressed files are written beside the others, for hosts that can send them. Raises
    ArtifactError for a folder that holds anything else, such as a page of the user's own.
    """
    with new_folder(out, KIND) as draft:
        draft.manifest["pocketrec"] = VERSION
        for name, resource in site.items():
            path = draft.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            for coding, body in resource.bodies.items():
                path.with_name(path.name + SUFFIXES.get(coding, "")).write_bytes(body.content)


def _resource(name: str, contents: Mapping[str, bytes | None]) -> Resource:
    return Resource(
        type=TYPES.get(PurePosixPath(name).suffix, "application/octet-stream"),
        bodies={
            coding: Body(content, f'"{hashlib.sha256(content).hexdigest()}"')
            for coding, content in contents.items()
            if content is not None
        },
        immutable=_HASHED.fullmatch(name) is not None,
    )
