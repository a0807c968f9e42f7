"""Serve a site over HTTP: the paths that it has, by GET and HEAD, and nothing else.

Of the standard library only, so that the light runtime stays light.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import ConfigError
from .negotiation import choose_coding, is_held
from .site import Site

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
UNUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "geolocation",
    "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
"""Powers of a browser that the page has no use for, and that are taken from it."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{power}=()" for power in UNUSED),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer, errors too."""

REQUEST_SECONDS = 30.0
"""Within which a connection must have told its next request; an idle one is closed then."""
ANSWER_SECONDS = 120.0
"""Within which an answer must have been taken."""
MOST_CONNECTIONS = 512
"""Open at once, each with a thread; one more, and the one that is due first is hung up on.

So whoever idles, or takes an answer slowly, makes room, and nobody is locked out.
"""
PORTS_TRIED = 100
HTTP_PORT = 80  # browsers leave it out of Host

OnRequest = Callable[[str, str, int], None]
"""Called with method, path and status of each request, before its answer is sent."""


class Server(ThreadingHTTPServer):
    """Listens at once; `serve_forever` answers until another thread calls `shutdown`."""

    daemon_threads = True
    request_queue_size = 256
    # Elsewhere than on POSIX it would let two servers have one port.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self, site: Site, host: str, port: int, on_request: OnRequest | None = None
    ) -> None:
        self.paths = {f"/{name}": resource for name, resource in site.items()}
        self.paths["/"] = site["index.html"]
        self.on_request = on_request
        self._deadlines: dict[socket.socket, float] = {}  # of each open connection
        self._lock = threading.Lock()
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self.address_family, _, _, _, address = found[0]
        super().__init__(address, _Handler)  # type: ignore[arg-type]
        ip = ipaddress.ip_address(address[0])
        self.is_local = ip.is_loopback
        named = f"[{ip}]" if ip.version == 6 else str(ip)
        self.url = f"http://{'localhost' if ip.is_unspecified else named}:{self.server_port}/"
        names = {"localhost", "127.0.0.1", "[::1]", named}
        self.hosts = {f"{name}:{self.server_port}" for name in names}
        if self.server_port == HTTP_PORT:
            self.hosts |= names

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name, as the base class would."""
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    def expect(self, connection: socket.socket, seconds: float) -> None:
        """Close the connection unless it gets on within the time; see `service_actions`."""
        with self._lock:
            self._deadlines[connection] = time.monotonic() + seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own."""
        with self._lock:
            if len(self._deadlines) >= MOST_CONNECTIONS:
                first = min(self._deadlines, key=self._deadlines.__getitem__)
                del self._deadlines[first]
                _hang_up(first)
        self.expect(request, REQUEST_SECONDS)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Wake the threads whose clients idle, or drip a byte now and then; called regularly."""
        self._hang_up_late(time.monotonic())

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Listen no longer, and hang up on everybody: a browser's open connections too."""
        super().server_close()
        self._hang_up_late(float("inf"))

    def _hang_up_late(self, moment: float) -> None:
        with self._lock:
            late = [entry for entry, deadline in self._deadlines.items() if deadline < moment]
        for connection in late:
            _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    """Wake the thread that waits for a client; it then closes the connection."""
    with suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)


def listen(site: Site, host: str, port: int, on_request: OnRequest | None = None) -> Server:
    """A server on this port, or where it is taken on the next free one; port 0 is any.

    Raises ConfigError for what this machine cannot listen on.
    """
    nearby = range(port, min(port + PORTS_TRIED, 1 << 16)) if port else ()
    for candidate in (*nearby, 0):
        try:
            return Server(site, host, candidate, on_request)
        except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                reason = getattr(error, "strerror", None) or "it is no name of a machine"
                raise ConfigError(
                    f"cannot listen on {host}, port {candidate} ({reason}): give an "
                    "address of this machine, such as 127.0.0.1, and a port from 1024 on"
                ) from None
    raise ConfigError(f"cannot listen on {host}: all its ports are taken")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # 0.9 has no headers, so no policies
    disable_nagle_algorithm = True
    path = ""

    def handle_one_request(self) -> None:
        self.server.expect(self.connection, REQUEST_SECONDS)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._skip_body()
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            return self._refuse(HTTPStatus.BAD_REQUEST, "a request must name one host")
        if self.server.is_local and hosts[0].lower() not in self.server.hosts:
            # A stranger's page whose name was pointed at this machine (DNS rebinding).
            return self._refuse(
                HTTPStatus.MISDIRECTED_REQUEST, f"this is {self.server.url} and no other host"
            )
        resource = self.server.paths.get(self.path.partition("?")[0])
        if resource is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        coding = choose_coding(self._header("Accept-Encoding"), resource.bodies)
        body = resource.bodies[coding]
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable"
            if resource.immutable
            else "no-cache",
            "ETag": body.etag,
        }
        if len(resource.bodies) > 1:
            headers["Vary"] = "Accept-Encoding"
        if is_held(self._header("If-None-Match"), body.etag):
            return self._answer(HTTPStatus.NOT_MODIFIED, headers)
        headers["Content-Type"] = resource.type
        if coding != "identity":
            headers["Content-Encoding"] = coding
        return self._answer(HTTPStatus.OK, headers, body.content)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the base class refuses by itself: methods without a `do_`, and bad syntax."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._skip_body()
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        else:
            self.close_connection = True
            self._refuse(HTTPStatus(code), "this is no request that can be answered")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep nothing of what users do; tests may."""
        if self.server.on_request:
            self.server.on_request(self.command or "", self.path, int(code))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be silent."""

    def _header(self, name: str) -> str | None:
        """A header's value, of all lines of that name; None without one."""
        lines = self.headers.get_all(name)
        return None if lines is None else ",".join(lines)

    def _skip_body(self) -> None:
        """Read past a body, so that it is not taken for a request; a long one ends all."""
        length = self._header("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,5}", length):
            self.close_connection = True
        else:
            self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, sentence: str, **headers: str) -> None:
        headers |= {"Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8"}
        self._answer(status, headers, f"{status}: {sentence}\n".encode())

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.server.expect(self.connection, ANSWER_SECONDS)
        self.request_version = self.protocol_version  # who asks by HTTP/0.9 gets headers, too
        self.log_request(status)
        self.send_response_only(status)
        headers = {"Date": self.date_time_string(), **HEADERS, **headers}
        if status != HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(len(body))
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
