"""Nothing in an artifact changes unnoticed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrec.errors import ArtifactError
from pocketrec.storage.artifact import (
    describe,
    fingerprint,
    kind_of,
    open_manifest,
    read_checked,
    write_json,
    write_manifest,
)
from support.small_artifacts import make


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return make(tmp_path_factory.mktemp("artifact") / "out")


@pytest.mark.parametrize("name", ["a.txt", "sub/b.bin", "manifest.json"])
@given(data=st.data())
def test_one_changed_byte_anywhere_is_refused(artifact, name, data):
    path = artifact / name
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[place]))
    try:
        path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
        with pytest.raises(ArtifactError):
            open_manifest(artifact, "thing")
    finally:
        path.write_bytes(whole)
    open_manifest(artifact, "thing")


@pytest.mark.parametrize("name", ["a.txt", "sub/b.bin", "manifest.json"])
@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\n", lambda b: b[:0]])
def test_a_cut_or_longer_file_is_refused(tmp_path, name, change):
    out = make(tmp_path / "out")
    (out / name).write_bytes(change((out / name).read_bytes()))
    with pytest.raises(ArtifactError):
        open_manifest(out, "thing")


@pytest.mark.parametrize(("old", "new"), [(b"\n", b"\r"), (b"\n", b"\r\n"), (b"\n ", b"\n  ")])
def test_white_space_of_the_manifest_is_part_of_it(tmp_path, old, new):
    out = make(tmp_path / "out")
    path = out / "manifest.json"
    whole = path.read_bytes()
    for changed in (whole.replace(old, new), whole.replace(old, new, 1)):
        path.write_bytes(changed)
        with pytest.raises(ArtifactError, match="not as it was written"):
            open_manifest(out, "thing")


def test_wrong_kind_version_and_missing_parts_are_named(tmp_path):
    out = make(tmp_path / "out")
    with pytest.raises(ArtifactError, match=r"is no run folder \(its manifest says 'thing'\)"):
        open_manifest(out, "run")
    with pytest.raises(ArtifactError, match="has no manifest"):
        open_manifest(tmp_path, "thing")
    with pytest.raises(ArtifactError, match="has no manifest"):
        open_manifest(out / "a.txt", "thing")
    (out / "sub" / "b.bin").unlink()
    with pytest.raises(ArtifactError, match=r"lacks its file 'sub/b\.bin'"):
        open_manifest(out, "thing")
    assert open_manifest(out, "thing", check_files=False)["words"]
    write_manifest(out, "thing", {"format_version": 2}, files=[])
    with pytest.raises(ArtifactError, match="format version 2"):
        open_manifest(out, "thing")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"kind": "thing"',
        b'{"kind": "thing", "format_version": 1}',
        b'{"kind": "thing", "format_version": 1, "x": "\\ud800"}',
        b'{"kind": "thing", "format_version": 1, "x": NaN}',
        b"[" * 100_000,
        b'{"kind": "thing", "format_version": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError):
        open_manifest(tmp_path, "thing")
    assert kind_of(tmp_path) in (None, "thing")


def lie(out, name, description):
    """A manifest that is well signed and lists one more file, at any name at all."""
    manifest = open_manifest(out, "thing")
    files = manifest["files"] | {name: description}
    body = manifest | {"files": files}
    write_manifest(out, "thing", {}, files=[])
    # Sign as the writer does: through write_manifest's own digest of a description.
    from pocketrec.storage import artifact

    write_json(out / "manifest.json", {"sha256": artifact._digest(body), **body})


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/hostname", "link", "linked/secret", "sub/../a.txt", "", ".", "a\0"]
)
def test_a_manifest_cannot_name_what_is_no_file_inside(tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("x")
    out = make(tmp_path / "out")
    (out / "link").symlink_to(secret)
    (out / "linked").symlink_to(tmp_path)
    lie(out, name, describe(secret))
    with pytest.raises(ArtifactError, match=r"inside|lacks"):
        open_manifest(out, "thing")


def test_files_are_checked_when_the_folder_is_reached_through_a_link(tmp_path):
    make(tmp_path / "out")
    (tmp_path / "link").symlink_to("out")
    open_manifest(tmp_path / "link", "thing")


def test_read_checked_gives_only_what_the_manifest_describes(tmp_path):
    out = make(tmp_path / "out")
    manifest = open_manifest(out, "thing")
    (out / "other").write_text("x")
    for name in ("other", "missing", "sub"):
        with pytest.raises(ArtifactError, match="lacks"):
            read_checked(out, manifest, name, 1000)
    (out / "a.txt").write_text("olD")
    with pytest.raises(ArtifactError, match="sha256"):
        read_checked(out, manifest, "a.txt", 1000)
    (out / "a.txt").write_text("older")
    with pytest.raises(ArtifactError, match="size"):
        read_checked(out, manifest, "a.txt", 1000)


def test_a_fingerprint_knows_content_and_not_the_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint("a", "b") != fingerprint("ab")
    assert json.dumps(fingerprint(1)).isascii()
