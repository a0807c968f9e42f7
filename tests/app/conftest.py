"""The real server in a thread, and a real browser; what is missing fails in CI, elsewhere skips."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from pocketrec.app.server import Server
from pocketrec.app.site import PAGE, read_bundle, read_page
from pocketrec.bundle.folder import open_bundle
from pocketrec.pretrained import find_bundle
from support.http_requests import FILES, LARGE, SECRET
from support.patience import HANG_SECONDS

BROWSER = "chromium-headless-shell"  # Debian's; it calls nobody, where the full Chromium does
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def leave_out(reason):
    """Skip a test whose means are not here; in CI that is a failure, so that nobody is misled."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


class Served:
    """A site on a free port of loopback.

    `requests` has method, path and status of everything that was asked, in order. After `stop`
    nobody is answered, not on open connections either; `start` goes on at the same address.
    """

    def __init__(self, site, **options):
        self.site = site
        self.options = options
        self.requests = []
        self.port = 0
        self.start()

    @property
    def url(self):
        return self.server.url

    def start(self):
        self.server = Server(self.site, "127.0.0.1", self.port, self._note, **self.options)
        self.port = self.server.server_port
        self._thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self._thread.start()

    def stop(self):
        self.server.shutdown()
        self._thread.join(HANG_SECONDS)
        self.server.server_close()

    def _note(self, method, path, status):
        self.requests.append((method, path, status))


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built page."""
    if not (PAGE / "index.html").is_file():
        leave_out("the page is not built: `make page` builds it, with Node 20")
    return PAGE


@pytest.fixture(scope="session")
def built_page(site):
    """The page, read once."""
    return read_page(site)


@pytest.fixture
def serve():
    """A function from a page and a bundle (a folder or a pretrained name) to what is Served.

    More arguments are the server's own: limits and clock.
    """
    running = []

    def start(page, bundle="movielens-1m", **options):
        folder = find_bundle(bundle)
        running.append(Served(page | read_bundle(folder, open_bundle(folder)), **options))
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def server(request, serve, built_page):
    """The built page with a bundle, by default the pretrained films; see Served.

    Another one: @pytest.mark.parametrize("server", [FOLDER_OR_NAME], indirect=True).
    """
    return serve(built_page, getattr(request, "param", "movielens-1m"))


@pytest.fixture(scope="session")
def browser():
    """Debian's headless Chromium, driven by Playwright."""
    executable = shutil.which(BROWSER, path=os.environ.get("PATH", "") + os.pathsep + "/usr/bin")
    if executable is None:
        leave_out(f"no browser: `apt-get install {BROWSER}`, which `make test` does where it can")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=HANG_SECONDS * 1e3)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser, request):
    """A browser that knows nothing yet: no storage, no service worker, no cache.

    A module's CONTEXT has other settings for all of its tests.
    """
    fresh = browser.new_context(**getattr(request.module, "CONTEXT", {}))
    fresh.set_default_timeout(HANG_SECONDS * 1e3)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context):
    """A tab."""
    return context.new_page()


@pytest.fixture
def folder(tmp_path):
    """A page as the build leaves it, with a secret beside it."""
    folder = tmp_path / "static"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"this is {name}".encode())
    for name in ("pocketrec.js", "wasm/litert.wasm"):
        (folder / f"{name}.br").write_bytes(f"br of {name}".encode())
        (folder / f"{name}.gz").write_bytes(f"gz of {name}".encode())
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "static.txt").write_bytes(SECRET)
    return folder


@pytest.fixture
def large(folder):
    """The path of a file that no socket's buffer takes whole."""
    (folder / "large.wasm").write_bytes(bytes(LARGE))
    return "/large.wasm"


@pytest.fixture
def served(folder, serve, shop):
    return serve(read_page(folder), shop.bundle)
