"""The server under 200 clients at once: every byte right, and no memory kept."""

import asyncio
import gzip
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import SUPPORT
from support.measured_runtime import memory
from support.patience import HANG_SECONDS

CLIENTS, REQUESTS = 200, 20
MEGABYTE = 1_000_000
SCRIPT = SUPPORT / "measured_runtime.py"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A site of files of all sizes, one of them packed; by their names."""
    folder = tmp_path_factory.mktemp("site")
    draw = random.Random(7)
    pages = {name: draw.randbytes(size) for name, size in [("index.html", 900), ("a.js", 40_000)]}
    pages |= {"b.wasm": draw.randbytes(300_000), "empty.txt": b""}
    for name, content in pages.items():
        (folder / name).write_bytes(content)
    (folder / "a.js.gz").write_bytes(gzip.compress(pages["a.js"]))
    return folder, pages


@contextmanager
def serving(folder, kept=0):
    """Process id and port of a server, which has to say nothing until it is killed."""
    command = [sys.executable, "-W", "error", str(SCRIPT), "serve", str(folder), str(kept)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process.pid, int(process.stdout.readline())
        assert process.poll() is None
    finally:
        process.kill()
        _, said = process.communicate()
    assert said == b""


async def client(port, pages, seed):
    """Ask for files on one connection, and check each; gives how many were right."""
    draw = random.Random(seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(REQUESTS):
        name = draw.choice([*pages, "none.txt"])
        accept = draw.choice(["identity", "gzip"])
        head = (
            f"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: {accept}\r\n\r\n"
        )
        writer.write(head.encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert first == ("HTTP/1.1 200 OK" if name in pages else "HTTP/1.1 404 Not Found")
        assert body == pages[name] if name in pages else body.startswith(b"404")
    writer.close()
    await writer.wait_closed()
    return REQUESTS


def crowd(port, pages, seed):
    async def all_of_them():
        async with asyncio.timeout(HANG_SECONDS):
            clients = (client(port, pages, seed * CLIENTS + n) for n in range(CLIENTS))
            return sum(await asyncio.gather(*clients))

    # In a thread of its own: in this one the tests of the page may have left a loop running.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, all_of_them()).result() == CLIENTS * REQUESTS


def test_two_hundred_clients_get_what_they_ask_for_and_leave_nothing(pages):
    folder, files = pages
    with serving(folder) as (process, port):
        crowd(port, files, 0)
        before = memory(process)
        for seed in (1, 2, 3):
            crowd(port, files, seed)
        assert memory(process) - before < 4 * MEGABYTE


def test_two_kilobytes_left_by_a_request_would_be_seen(pages):
    folder, files = pages
    with serving(folder, kept=2000) as (process, port):
        crowd(port, files, 0)
        before = memory(process)
        crowd(port, files, 1)
        assert memory(process) - before > 4 * MEGABYTE
