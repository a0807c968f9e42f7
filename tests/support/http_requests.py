"""Requests to a server of this process, and the page that it serves in tests."""

import http.client
import re
import socket
from contextlib import closing

from support.patience import HANG_SECONDS

FILES = {
    "index.html": ("text/html; charset=utf-8", "no-cache"),
    "sw.js": ("text/javascript; charset=utf-8", "no-cache"),
    "pocketrec.js": ("text/javascript; charset=utf-8", "no-cache"),
    "manifest.webmanifest": ("application/manifest+json", "no-cache"),
    "build.json": ("application/json", "no-cache"),
    "licences.txt": ("text/plain; charset=utf-8", "no-cache"),
    "assets/app-K3VJQ2ZA.js": ("text/javascript; charset=utf-8", "immutable"),
    "assets/app-0123456789abcdef.css": ("text/css; charset=utf-8", "immutable"),
    "assets/app-settings.css": ("text/css; charset=utf-8", "no-cache"),
    "icons/icon-K3VJQ2ZA.svg": ("image/svg+xml", "no-cache"),
    "icons/icon-192.png": ("image/png", "no-cache"),
    "wasm/loader.mjs": ("text/javascript; charset=utf-8", "no-cache"),
    "wasm/litert.wasm": ("application/wasm", "no-cache"),
    "odd.thing": ("application/octet-stream", "no-cache"),
}
BUNDLE = {
    "bundle/manifest.json": ("application/json", "no-cache"),
    "bundle/items.json": ("application/json", "no-cache"),
    "bundle/model.tflite": ("application/octet-stream", "no-cache"),
}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
SECRET = b"do not tell"
LARGE = 20_000_000


def connected(served):
    """A connection to ask over, closed at the end of a `with`."""
    return closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=HANG_SECONDS))


def dialled(served):
    """A plain socket to the server."""
    return socket.create_connection(("127.0.0.1", served.port), timeout=HANG_SECONDS)


def ask(served, path="/", method="GET", **headers):
    """Status, headers and body of one request on a connection of its own."""
    with closing(
        http.client.HTTPConnection("127.0.0.1", served.port, timeout=HANG_SECONDS)
    ) as connection:
        return say(connection, path, method, **headers)


def say(connection, path="/", method="GET", body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers={"Accept-Encoding": "", **named})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def send(served, request):
    """All that comes back to some raw bytes, until the server closes."""
    with dialled(served) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def get(served, path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode()


def raw(served, target, method=b"GET", extra=b""):
    host = f"127.0.0.1:{served.port}".encode()
    return send(served, b"%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, target, host, extra))


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
