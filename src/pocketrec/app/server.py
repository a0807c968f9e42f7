"""Serve a site over HTTP: GET and HEAD of its own paths, and nothing else.

Uses the standard library only, to keep the light runtime light.
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
from dataclasses import dataclass
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
"""Browser features that the page does not use, and so may not use."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{power}=()" for power in UNUSED),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer, errors included."""

PORTS_TRIED = 100
HTTP_PORT = 80  # browsers leave it out of the Host header

OnRequest = Callable[[str, str, int], None]
"""Called with method, path and status of each request, before its answer is sent."""


@dataclass(frozen=True)
class Limits:
    """Limits on clients: how long each may take, and how many there may be."""

    request_seconds: float = 30.0
    """The next request must have arrived by then; an idle connection is closed."""
    answer_seconds: float = 120.0
    """The client must have read the answer by then."""
    connections: int = 512
    """Open at once, each with a thread. One more closes the connection that is due first.

    So a client that idles or reads slowly makes room, and nobody is locked out.
    """


DEFAULT_LIMITS = Limits()


class Server(ThreadingHTTPServer):
    """Listens from the start; `serve_forever` answers until another thread calls `shutdown`.

    `clock` gives seconds, as time.monotonic does; `limits` are counted on it.
    """

    daemon_threads = True
    request_queue_size = 256
    # On Windows this option would let two servers share one port.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self,
        site: Site,
        host: str,
        port: int,
        on_request: OnRequest | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.paths = {f"/{name}": resource for name, resource in site.items()}
        self.paths["/"] = site["index.html"]
        self.on_request = on_request
        self.limits = limits
        self._clock = clock
        self._deadlines: dict[socket.socket, float] = {}  # of each open connection
        self._lock = threading.Lock()
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self.address_family, _, _, _, address = addresses[0]
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
        """Bind; the base class would also ask the network for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    def expect(self, connection: socket.socket, seconds: float) -> None:
        """Close the connection unless it makes progress within the time; see `service_actions`."""
        with self._lock:
            self._deadlines[connection] = self._clock() + seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in its own thread."""
        with self._lock:
            if len(self._deadlines) >= self.limits.connections:
                first = min(self._deadlines, key=self._deadlines.__getitem__)
                del self._deadlines[first]
                _hang_up(first)
        self.expect(request, self.limits.request_seconds)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Close connections that are past their deadline; `serve_forever` calls this regularly.

        A deadline, unlike a socket timeout, also ends clients that send a byte now and then.
        """
        self._hang_up_late(self._clock())

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening and close all connections, those that browsers keep open too."""
        super().server_close()
        self._hang_up_late(float("inf"))

    def _hang_up_late(self, moment: float) -> None:
        with self._lock:
            late = [entry for entry, deadline in self._deadlines.items() if deadline < moment]
        for connection in late:
            _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    """Wake the thread that waits for a client; it then closes the connection."""
    with suppress(OSError):  # the client is gone already
        connection.shutdown(socket.SHUT_RDWR)


def listen(site: Site, host: str, port: int, on_request: OnRequest | None = None) -> Server:
    """A server on this port, or on the next free one if it is taken; port 0 means any.

    Raises ConfigError when this machine cannot listen there.
    """
    nearby = range(port, min(port + PORTS_TRIED, 1 << 16)) if port else ()
    for candidate in (*nearby, 0):
        try:
            return Server(site, host, candidate, on_request)
        except (OSError, UnicodeError) as error:  # a malformed host name is a UnicodeError
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                reason = getattr(error, "strerror", None) or "it is not the name of a machine"
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
        self.server.expect(self.connection, self.server.limits.request_seconds)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._skip_body()
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            return self._refuse(HTTPStatus.BAD_REQUEST, "a request must name one host")
        if self.server.is_local and hosts[0].lower() not in self.server.hosts:
            # DNS rebinding: another site's name was pointed at this machine, so that its page could
            # read from it.
            return self._refuse(
                HTTPStatus.MISDIRECTED_REQUEST, f"this server answers for {self.server.url} only"
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
        """Answer what the base class refuses: methods without a `do_`, and malformed requests."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._skip_body()
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        else:
            self.close_connection = True
            self._refuse(HTTPStatus(code), "the request is malformed")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing that users do; only tests listen."""
        if self.server.on_request:
            self.server.on_request(self.command or "", self.path, int(code))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be silent."""

    def _header(self, name: str) -> str | None:
        """A header's value, all lines of that name joined; None without one."""
        lines = self.headers.get_all(name)
        return None if lines is None else ",".join(lines)

    def _skip_body(self) -> None:
        """Read past a body, or it would be taken for the next request.

        A body whose length is unknown or long is not read: the connection closes instead.
        """
        length = self._header("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,5}", length):
            self.close_connection = True
        else:
            self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, sentence: str, **headers: str) -> None:
        headers |= {"Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8"}
        self._answer(status, headers, f"{status}: {sentence}\n".encode())

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.server.expect(self.connection, self.server.limits.answer_seconds)
        self.request_version = self.protocol_version  # HTTP/0.9 clients get headers too
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
