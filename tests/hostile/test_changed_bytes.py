"""Every byte of a bundle counts: none can be another, be missing or be added unseen."""

import pytest

from pocketrec.bundle.folder import open_bundle
from pocketrec.errors import ArtifactError
from support.tally import FACTOR, tried

FILES = ["manifest.json", "items.json", "model.tflite"]

pytestmark = pytest.mark.usefixtures("unloaded")


def refuses(folder) -> bool:
    try:
        open_bundle(folder)
    except ArtifactError:
        return True
    return False


@pytest.mark.parametrize("name", FILES)
def test_every_byte_that_is_another_is_refused(copy, name):
    """All places of the small files, and of the model each seventh (`make fuzz`: each)."""
    assert not refuses(copy)  # as it was written
    content = (copy / name).read_bytes()
    step = 7 if name == "model.tflite" and FACTOR == 1 else 1
    with (copy / name).open("r+b", buffering=0) as file:
        for place in range(0, len(content), step):
            # Each bit in its turn, over the places.
            file.seek(place)
            file.write(bytes([content[place] ^ 1 << place % 8]))
            assert refuses(copy), place
            file.seek(place)
            file.write(content[place : place + 1])
            tried("bytes flipped", name)
    assert not refuses(copy)


@pytest.mark.parametrize("name", FILES)
def test_every_length_that_is_another_is_refused(copy, name):
    content = (copy / name).read_bytes()
    lengths = {0, 1, len(content) - 1, *range(0, len(content), max(1, len(content) // 300))}
    for length in sorted(lengths):
        (copy / name).write_bytes(content[:length])
        assert refuses(copy), length
        tried("files cut short", name)
    for more in (b"\0", b"\n", b" ", content):
        (copy / name).write_bytes(content + more)
        assert refuses(copy), more
