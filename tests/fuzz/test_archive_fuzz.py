"""Zips that strangers made: unpacked whole, inside their folder, or refused without a trace."""

import io
import shutil
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from hypothesis import strategies as st

from pocketrec.ingest.archive import extract
from support.runtime_calls import answered
from support.tally import fuzz

KINDS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
parts = st.sampled_from(["a", "b", "..", ".", "", "C:", "~", "é", " ", "a" * 300, "x\\..\\y", "\n"])
names = st.lists(parts, min_size=1, max_size=4).map("/".join).filter(bool) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
)
contents = st.binary(max_size=40) | st.just(b"0" * 5000)


def zipped(entries, kind):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as opened:
        for name, content, link in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = kind
            if link:
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            opened.writestr(entry, content)
    return stream.getvalue()


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    }


def unpack(tmp_path, content, **limits):
    """What comes out, or None where it is refused; nothing else may have changed."""
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "a.zip").write_bytes(content)
    with answered() as outcome:
        extract(tmp_path / "in" / "a.zip", tmp_path / "in" / "out", **limits)
    unpacked = None if outcome.error else files_of(tmp_path / "in" / "out")
    shutil.rmtree(tmp_path / "in" / "out", ignore_errors=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.zip"]
    return unpacked


@fuzz(
    "archives: names, links and sizes",
    500,
    entries=st.lists(
        st.tuples(names, contents, st.integers(0, 9).map(lambda n: n == 0)),
        max_size=4,
        unique_by=lambda entry: entry[0],
    ),
    kind=st.sampled_from(KINDS),
)
def test_names(tmp_path, entries, kind):
    unpacked = unpack(tmp_path, zipped(entries, kind), max_bytes=6000)
    files = {name: content for name, content, _ in entries if not name.endswith("/")}
    leads_out = any(
        ".." in name.replace("\\", "/").split("/") or name[0] in "/\\" or ":" in name or link
        for name, _, link in entries
        if not name.endswith("/")
    )
    if leads_out or sum(map(len, files.values())) > 6000:
        assert unpacked is None
    if unpacked is not None:
        places = {str(PurePosixPath(n.replace("\\", "/"))): c for n, c in files.items()}
        assert unpacked == places
        assert len(places) == len(files)


ENTRIES = [("a/x.csv", b"user,item\n" * 9, False), ("é.txt", b"text", False)]


@fuzz(
    "archives: damage",
    800,
    kind=st.sampled_from(KINDS),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.booleans()),
        min_size=1,
        max_size=3,
    ),
    cut=st.floats(0, 8),
)
def test_damage(tmp_path, kind, changes, cut):
    """Contents have a checksum, so that what comes out is what was put in; names have none."""
    content = bytearray(zipped(ENTRIES, kind))
    for share, byte, insert in changes:
        place = int(share * len(content))
        content[place : place + (not insert)] = bytes([byte])
    del content[int(cut * len(content)) :]
    unpacked = unpack(tmp_path, bytes(content))
    if unpacked:
        known = {zlib.crc32(data) for _, data, _ in ENTRIES} | {zlib.crc32(b"")}
        damaged = [data for data in unpacked.values() if zlib.crc32(data) not in known]
        assert not damaged


@fuzz("archives: any bytes", 300, content=st.binary(max_size=200))
def test_any_bytes(tmp_path, content):
    assert unpack(tmp_path, content) in (None, {})
