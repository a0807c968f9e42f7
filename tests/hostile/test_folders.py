"""A bundle's folder that somebody prepared: links, pipes, bombs and lies are refused, unloaded."""

import json
import os
import subprocess
import sys

import pytest

from pocketrec.bundle.folder import open_bundle
from pocketrec.errors import ArtifactError
from pocketrec.storage import artifact
from pocketrec.storage.artifact import write_json
from support.small_shop import pocketrec, sign
from support.tally import tried

FILES = ["manifest.json", "items.json", "model.tflite"]

pytestmark = pytest.mark.usefixtures("unloaded")


def refuses(folder) -> str:
    """The sentence by which a folder is refused, by the library and by the command line."""
    for words in (["evaluate", folder, "--data", folder], ["serve", folder, "--export", folder]):
        assert pocketrec(*words, "--quiet").code == 2
    with pytest.raises(ArtifactError) as caught:
        open_bundle(folder)
    result = pocketrec("recommend", folder, "--quiet")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {caught.value}\n"
    tried("hostile folders", "bundle")
    return str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_no_file_of_a_bundle(copy, shop, name):
    (copy / name).unlink()
    (copy / name).symlink_to(shop.bundle / name)
    refuses(copy)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("device_file", ["/dev/zero", "/dev/stdin"])
def test_a_link_to_a_device_is_not_read(copy, name, device_file):
    (copy / name).unlink()
    (copy / name).symlink_to(device_file)
    refuses(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_is_not_waited_for(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    refuses(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_terabyte_is_not_read(copy, name):
    os.truncate(copy / name, 2**40)  # of holes: it takes no place
    refuses(copy)


def test_a_terabyte_that_the_manifest_tells_of_is_not_read_either(copy):
    """Where sizes agree, memory bounds what is opened: a model is never that large."""
    os.truncate(copy / "model.tflite", 2**40)
    lie(copy, "model.tflite", 2**40)
    assert "model.tflite" in refuses(copy)


def lie(folder, name, size):
    """Sign a manifest that gives a file another size, without reading the file."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["files"][name]["bytes"] = size
    write_json(folder / "manifest.json", {"sha256": artifact._digest(manifest), **manifest})


NESTED = 100_000
BOMBS = {
    "nested lists": b"[" * NESTED + b"]" * NESTED,
    "nested objects": b'{"a":' * NESTED + b"1" + b"}" * NESTED,
    "a number of a million digits": b"9" * 10**6,
    "no UTF-8": b'["\xff"]',
    "nothing": b"",
    "infinity": b"Infinity",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_catalogue_that_is_a_bomb_is_refused(copy, bomb):
    (copy / "items.json").write_bytes(BOMBS[bomb])
    sign(copy)
    assert "is not a complete bundle" in refuses(copy)


ENTRIES = {
    "a long number": b'{"id": ' + b"9" * 10**5 + b', "title": null, "attributes": {}}',
    "half a character for an id": b'{"id": "\\ud800", "title": null, "attributes": {}}',
    "half a character for a title": b'{"id": 1, "title": "\\udfffx", "attributes": {}}',
    "half a character inside": b'{"id": 1, "title": "x", "attributes": {"a": ["\\ud800"]}}',
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_item_that_cannot_be_written_is_refused(copy, name):
    lines = (copy / "items.json").read_bytes().splitlines()
    lines[3] = ENTRIES[name] + b","
    (copy / "items.json").write_bytes(b"\n".join(lines))
    sign(copy)
    assert "is not a complete bundle" in refuses(copy)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_manifest_that_is_a_bomb_is_refused(copy, bomb):
    (copy / "manifest.json").write_bytes(BOMBS[bomb])
    refuses(copy)


def test_a_manifest_of_a_gigabyte_is_refused_in_little_memory(copy):
    with (copy / "manifest.json").open("ab") as stream:
        stream.write(b" " * 10)
        stream.truncate(2**30)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pocketrec.bundle.folder import open_bundle\n"
        "from pocketrec.errors import ArtifactError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "try:\n"
        "    open_bundle(Path(sys.argv[1]))\n"
        "except ArtifactError:\n"
        "    print('refused')\n"
    )
    words = [sys.executable, "-c", code, copy]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


NAMES = ["../x", "/etc/passwd", "a/../../x", "C:\\x", "", ".", "..", "a\0b", "x" * 5000, "\ud800"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_in_a_manifest_lead_nowhere(copy, name):
    """A bundle's three files have fixed names; others in the list are never opened."""
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["sha256"]
    model = manifest["files"].pop("model.tflite")
    manifest["files"][name] = model
    try:
        write_json(copy / "manifest.json", {"sha256": artifact._digest(manifest), **manifest})
    except UnicodeEncodeError:
        return  # no file can hold it
    assert "model.tflite" in refuses(copy)


def test_a_folder_that_is_a_link_is_as_good_as_what_it_leads_to(copy, tmp_path):
    (tmp_path / "link").symlink_to(copy)
    assert open_bundle(tmp_path / "link").items
