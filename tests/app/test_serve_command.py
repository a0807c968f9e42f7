"""`pocketrec serve`: what it prints, where it listens, how it ends, and the folder it exports."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from pocketrec.app import site as site_module
from pocketrec.app.site import read_page
from pocketrec.bundle.folder import open_bundle
from pocketrec.errors import ArtifactError
from support.patience import HANG_SECONDS
from support.small_shop import pocketrec

CODE = """
import signal, sys
from pathlib import Path
from pocketrec.app import site
from pocketrec.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background
read, folder = site.read_page, Path(sys.argv.pop(1))
site.read_page = lambda: read(folder)
main()
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>the page")
    (folder / "assets" / "app-K3VJQ2ZA.js").write_text("run()")
    (folder / "assets" / "app-K3VJQ2ZA.js.br").write_bytes(b"packed")
    return folder


@pytest.fixture
def built(folder, monkeypatch):
    """The command in this process finds a page."""
    monkeypatch.setattr(site_module, "read_page", lambda: read_page(folder))
    return folder


@contextmanager
def running(folder, *words):
    """The command in a process of its own, as it is started by its users."""
    command = [sys.executable, "-W", "error", "-c", CODE, folder, "serve", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(list(map(str, command)), text=True, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def fetch(url):
    with urllib.request.urlopen(url, timeout=HANG_SECONDS) as answer:  # noqa: S310
        return answer.read()


def test_it_serves_until_ctrl_c(folder, shop):
    with running(folder, shop.bundle, "--port", 0) as process:
        line = process.stdout.readline()
        url = line.split()[0]
        assert line == f"{url} serves '{shop.bundle}' until Ctrl-C\n"
        assert url.startswith("http://127.0.0.1:")
        assert fetch(url) == b"<p>the page"
        assert fetch(f"{url}bundle/model.tflite") == (shop.bundle / "model.tflite").read_bytes()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, out) == (0, "")
    assert err.startswith("done in ")
    assert err.count("\n") == 1


def test_json_is_one_line_and_another_port_is_said(folder, shop):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(folder, shop.bundle, "--port", port, "--json") as process:
            output = json.loads(process.stdout.readline())
            note = process.stderr.readline()
            assert fetch(output["url"]) == b"<p>the page"
    assert output["host"] == "127.0.0.1"
    assert output["port"] != port
    assert output["url"] == f"http://127.0.0.1:{output['port']}/"
    assert output["bundle"] == str(shop.bundle)
    assert f"port {port} is taken, so {output['port']} is used" in note


def test_who_can_reach_it_is_said(folder, shop):
    words = (shop.bundle, "--port", 0, "--host", "0.0.0.0")  # noqa: S104
    with running(folder, *words, "--json") as process:
        output = json.loads(process.stdout.readline())
        note = process.stderr.readline()
    assert note.startswith("note: all who reach this machine")
    assert output["url"] == f"http://localhost:{output['port']}/"


@pytest.mark.usefixtures("built")
def test_what_cannot_be_served_is_one_sentence(shop, tmp_path):
    damaged = shutil.copytree(shop.bundle, tmp_path / "damaged")
    model = bytearray((damaged / "model.tflite").read_bytes())
    model[-1] ^= 1
    (damaged / "model.tflite").write_bytes(model)
    for words, sentence in [
        (["no-such-bundle"], "there is no bundle 'no-such-bundle'"),
        ([tmp_path], "is no bundle folder"),
        ([damaged], "sha256 differs"),
        ([shop.bundle, "--host", "192.0.2.1"], "cannot listen on 192.0.2.1, port 8000"),
    ]:
        result = pocketrec("serve", *words)
        assert (result.code, result.out) == (2, "")
        assert sentence in result.err
        assert result.err.count("\n") == 1


def test_a_page_that_is_not_built_is_told_how(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(site_module, "read_page", lambda: read_page(tmp_path / "static"))
    for words in ([], ["--export", tmp_path / "out"]):
        result = pocketrec("serve", shop.bundle, *words)
        assert (result.code, result.out) == (2, "")
        assert "make app" in result.err
        assert "Node 20" in result.err
        assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_exported_site_is_whole(built, shop, tmp_path):
    out = tmp_path / "to" / "site"
    result = pocketrec("serve", shop.bundle, "--export", out, "--json")
    assert result.code == 0
    exported = contents(out)
    assert {name: exported[name] for name in contents(built)} == contents(built)
    for name in ("manifest.json", "items.json", "model.tflite"):
        assert exported[f"bundle/{name}"] == (shop.bundle / name).read_bytes()
    assert open_bundle(out / "bundle").model == (shop.bundle / "model.tflite").read_bytes()
    assert result.json["files"] == len(exported)
    assert result.json["bytes"] == sum(map(len, exported.values()))
    # For people, and replaced by a second run: what the page no longer has is gone.
    (built / "assets" / "app-K3VJQ2ZA.js.br").unlink()
    (built / "index.html").write_text("<p>newer")
    result = pocketrec("serve", shop.bundle, "--export", out)
    assert result.code == 0
    assert str(out) in result.out
    assert result.err.startswith(f"wrote {out} in ")
    assert "static host" in result.err
    assert contents(out)["index.html"] == b"<p>newer"
    assert "assets/app-K3VJQ2ZA.js.br" not in contents(out)
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.usefixtures("built")
def test_what_is_no_site_is_left_alone(shop, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    before = contents(shop.bundle)
    for folder in (tmp_path / "mine", tmp_path / "mine" / "letter.txt", shop.bundle):
        result = pocketrec("serve", shop.bundle, "--export", folder)
        assert (result.code, result.out) == (2, "")
        assert "is no site folder" in result.err
    assert contents(tmp_path / "mine") == {"letter.txt": b"dear"}
    assert contents(shop.bundle) == before


@pytest.mark.usefixtures("built")
def test_what_somebody_put_into_the_site_is_not_lost(shop, tmp_path):
    out = tmp_path / "site"
    words = ["serve", shop.bundle, "--export", out]
    assert pocketrec(*words).code == 0
    (out / "mine.html").write_text("mine")
    result = pocketrec(*words)
    assert (result.code, "mine.html" in result.err) == (2, True)
    assert (out / "mine.html").read_text() == "mine"
    (out / "mine.html").unlink()
    assert pocketrec(*words).code == 0


@pytest.mark.usefixtures("built")
def test_a_failed_export_leaves_the_old_site(shop, tmp_path, monkeypatch):
    out = tmp_path / "site"
    assert pocketrec("serve", shop.bundle, "--export", out).code == 0
    before = contents(tmp_path)
    write = Path.write_bytes

    def full(path, content):
        if path.name == "model.tflite":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    result = pocketrec("serve", shop.bundle, "--export", out)
    assert result.code == 2
    assert "No space left" in result.err
    assert contents(tmp_path) == before


def test_a_bundle_that_changed_since_it_was_checked_is_refused(shop, tmp_path):
    bundle = open_bundle(shutil.copytree(shop.bundle, tmp_path / "bundle"))
    items = (tmp_path / "bundle" / "items.json").read_text()
    (tmp_path / "bundle" / "items.json").write_text(items.replace("Twin", "Tune"))
    with pytest.raises(ArtifactError, match="sha256 differs"):
        site_module.read_bundle(tmp_path / "bundle", bundle)
