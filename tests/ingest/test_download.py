"""Downloads from a server of our own on this machine; nothing else is asked."""

import hashlib
import io
import stat
import threading
import time
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pocketrec.errors import DownloadError
from pocketrec.ingest import archive, download
from pocketrec.ingest.releases import RELEASES, Counts, Release

ONE_M = "movielens/1m"
SMALL = "movielens/latest-small"


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return stream.getvalue()


def pin(monkeypatch, source, content):
    old = RELEASES[source]
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    monkeypatch.setitem(RELEASES, source, Release(old.name, checksum, Counts(1, 1, 1), "none"))


@pytest.fixture
def server():
    """A web server; `server.files` maps paths to (content, claimed length)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            running.asked.append(self.path)
            if self.path not in running.files:
                self.send_error(404)
                return
            content, length = running.files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.files, running.asked = {}, []
    running.url = f"http://127.0.0.1:{running.server_port}/"
    running.put = lambda name, content: running.files.update({f"/{name}": (content, len(content))})
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def leftovers(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_good_file_is_unpacked_once_and_progress_is_told(tmp_path, monkeypatch, server):
    content = zipped(**{"ml-1m/ratings.dat": "1::2::3::4\n"})
    pin(monkeypatch, ONE_M, content)
    server.put("ml-1m.zip", content)
    reports = []
    folder = download.fetch(
        ONE_M, cache=tmp_path, base_url=server.url, progress=lambda *now: reports.append(now)
    )
    assert (folder / "ml-1m" / "ratings.dat").read_text() == "1::2::3::4\n"
    assert reports[-1] == (len(content), len(content))
    assert download.fetch(ONE_M, cache=tmp_path, base_url=server.url) == folder
    assert server.asked == ["/ml-1m.zip"]
    assert [path.name for path in leftovers(tmp_path)] == ["ratings.dat"]


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("POCKETREC_CACHE", str(tmp_path))
    (tmp_path / "movielens" / "ml-1m").mkdir(parents=True)
    assert download.fetch(ONE_M) == tmp_path / "movielens" / "ml-1m"


def test_a_changed_file_is_refused(tmp_path, monkeypatch, server):
    pin(monkeypatch, ONE_M, b"what was published")
    server.put("ml-1m.zip", zipped(a="b"))
    with pytest.raises(DownloadError, match=r"ml-1m.zip has the sha256 sum .* as published"):
        download.fetch(ONE_M, cache=tmp_path, base_url=server.url)
    assert leftovers(tmp_path) == []


def test_a_broken_connection_is_told(tmp_path, monkeypatch, server):
    content = zipped(a="b" * 100)
    pin(monkeypatch, ONE_M, content)
    server.files["/ml-1m.zip"] = (content[:50], len(content))
    with pytest.raises(DownloadError, match=r"50 (of|bytes)"):
        download.fetch(ONE_M, cache=tmp_path, base_url=server.url)
    assert leftovers(tmp_path) == []


def test_a_server_that_refuses_is_given_up_at_once(tmp_path, monkeypatch, server):
    with pytest.raises(DownloadError, match="404"):
        download.fetch(ONE_M, cache=tmp_path, base_url=server.url)
    assert server.asked == ["/ml-1m.zip"]
    calls, urlopen = [], urllib.request.urlopen
    monkeypatch.setattr(
        urllib.request, "urlopen", lambda *a, **k: calls.append(a) or urlopen(*a, **k)
    )
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits to try again"))
    with pytest.raises(DownloadError, match=r"cannot be downloaded .* as data.path") as caught:
        download.fetch(ONE_M, cache=tmp_path, base_url="http://127.0.0.1:9/")
    assert len(calls) == 1
    assert "\n" not in str(caught.value)


def test_too_large_a_file_is_refused(tmp_path, server):
    server.put("ml-1m.zip", b"x" * 11)
    with pytest.raises(DownloadError, match="more than 10 bytes"):
        download.fetch(ONE_M, cache=tmp_path, base_url=server.url, max_bytes=10)


@pytest.mark.parametrize("form", ["MD5 (ml-latest-small.zip) = {}\n", "{}  ml-latest-small.zip\n"])
def test_latest_small_is_checked_with_the_sum_beside_it(tmp_path, server, form):
    content = zipped(**{"ml-latest-small/ratings.csv": "x"})
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    server.put("ml-latest-small.zip", content)
    server.put("ml-latest-small.zip.md5", form.format("0" * 32).encode())
    with pytest.raises(DownloadError, match="md5 sum"):
        download.fetch(SMALL, cache=tmp_path, base_url=server.url)
    server.put("ml-latest-small.zip.md5", form.format(md5.upper()).encode())
    assert download.fetch(SMALL, cache=tmp_path, base_url=server.url).is_dir()


def test_latest_small_without_a_sum_is_refused(tmp_path, server):
    server.put("ml-latest-small.zip", zipped(a="b"))
    with pytest.raises(DownloadError, match="404"):
        download.fetch(SMALL, cache=tmp_path, base_url=server.url)
    server.put("ml-latest-small.zip.md5", b"<html>")
    with pytest.raises(DownloadError, match="holds 0 md5 sums"):
        download.fetch(SMALL, cache=tmp_path, base_url=server.url)


def test_100k_has_a_second_source(tmp_path, monkeypatch, server):
    inside = "recbole/dataset_example/ml-100k/ml-100k.inter"
    other = "recbole/model/code.py"
    wheel = zipped(**{inside: "data", other: "code", "recbole-1.2.1.dist-info/LICENSE": "MIT"})
    monkeypatch.setattr(download, "RECBOLE_CHECKSUM", f"sha256:{hashlib.sha256(wheel).hexdigest()}")
    commands = []

    def run(command, **_):
        commands.append(command)
        target = command[command.index("--dest") + 1]
        with open(f"{target}/{download.RECBOLE_WHEEL}", "wb") as stream:  # noqa: PTH123
            stream.write(wheel)
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(download.subprocess, "run", run)
    folder = download.fetch("movielens/100k", cache=tmp_path, base_url=server.url)
    files = {path.relative_to(folder).as_posix() for path in leftovers(folder)}
    assert files == {inside, "recbole-1.2.1.dist-info/LICENSE"}
    assert "install" not in commands[0]
    assert download.fetch("movielens/100k", cache=tmp_path, base_url=server.url) == folder
    assert len(commands) == 1


def test_100k_names_both_sources_when_neither_answers(tmp_path, monkeypatch, server):
    failed = type("Done", (), {"returncode": 1, "stderr": "noise\nERROR: no network\n"})
    monkeypatch.setattr(download.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        DownloadError, match=r"404.*pip cannot download .* either: ERROR: no network"
    ) as caught:
        download.fetch("movielens/100k", cache=tmp_path, base_url=server.url)
    assert "\n" not in str(caught.value)


def test_a_changed_wheel_is_refused(tmp_path, monkeypatch, server):
    def run(command, **_):
        target = command[command.index("--dest") + 1]
        with open(f"{target}/{download.RECBOLE_WHEEL}", "wb") as stream:  # noqa: PTH123
            stream.write(zipped(a="b"))
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(download.subprocess, "run", run)
    with pytest.raises(DownloadError, match="sha256 sum"):
        download.fetch("movielens/100k", cache=tmp_path, base_url=server.url)


def link():
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/out", "..\\out", "C:\\out", link()], ids=str
)
def test_a_zip_that_leads_out_is_refused_whole(tmp_path, name):
    file = tmp_path / "bad.zip"
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("good", "good")
        opened.writestr(name, "/etc/passwd")
    with pytest.raises(DownloadError, match="leads out of its folder"):
        archive.extract(file, tmp_path / "in" / "folder")
    assert leftovers(tmp_path / "in") == []
    assert not (tmp_path / "out").exists()


def test_bombs_and_crowds_are_refused(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(zipped(a="0" * 10_000))
    with pytest.raises(DownloadError, match="unpacks to more bytes"):
        archive.extract(tmp_path / "bomb.zip", tmp_path / "folder", max_bytes=5_000)
    (tmp_path / "many.zip").write_bytes(zipped(a="", b=""))
    with pytest.raises(DownloadError, match="2 files, more than 1"):
        archive.extract(tmp_path / "many.zip", tmp_path / "folder", max_files=1)
    assert not (tmp_path / "folder").exists()


def test_two_files_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as opened:
        opened.writestr("ratings.csv", "mine")
        with pytest.warns(UserWarning, match="Duplicate name"):
            opened.writestr("ratings.csv", "another's")
    with pytest.raises(DownloadError, match="two files of one name"):
        archive.extract(tmp_path / "two.zip", tmp_path / "folder")


def test_damage_that_only_shows_while_reading_is_refused(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("é", "text" * 99)
    content = stream.getvalue()
    for old, new in (("é".encode(), b"\xff\xff"), (content[45:60], bytes(15))):
        (tmp_path / "bad.zip").write_bytes(content.replace(old, new))
        with pytest.raises(DownloadError, match=r"bad.zip is no readable zip file"):
            archive.extract(tmp_path / "bad.zip", tmp_path / "folder")


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"<html>")
    with pytest.raises(DownloadError, match=r"no.zip is no readable zip file"):
        archive.extract(tmp_path / "no.zip", tmp_path / "folder")
