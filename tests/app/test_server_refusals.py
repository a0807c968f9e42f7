"""What the server refuses, and whom it answers at which address."""

import http.client
import re
from contextlib import suppress

import pytest

from pocketrec.app.server import Server, listen
from pocketrec.app.site import read_page
from pocketrec.errors import ConfigError
from support.http_requests import SECURITY, ask, connected, dialled, get, say, send, statuses


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n", b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_refused_with_the_headers_too(served, request_bytes, status):
    answer = send(served, request_bytes)
    assert re.match(rb"HTTP/1\.\d (\d+)", answer)[1] == status
    for name, value in SECURITY.items():
        assert f"{name}: {value}\r\n".encode() in answer


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "BREW"]
)
def test_other_methods_are_refused(served, method):
    with connected(served) as connection:
        body = b"GET /secret HTTP/1.1\r\n\r\n" if method in ("POST", "PUT", "PATCH") else None
        status, headers, _ = say(connection, method=method, body=body)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        # The body was not taken for a request: the next answer is the next request's.
        assert say(connection)[2] == b"this is index.html"
    assert [entry[:2] for entry in served.requests] == [(method, "/"), ("GET", "/")]


@pytest.mark.parametrize(
    "extra",
    [
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 1000000\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 3\r\nContent-Length: 0\r\n",
    ],
)
def test_a_body_of_doubtful_length_ends_the_connection(served, extra):
    host = b"Host: 127.0.0.1:%d\r\n" % served.port
    with dialled(served) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n" + host + extra + b"\r\n")
        answer = connection.recv(1 << 16)
        with suppress(ConnectionError):
            connection.sendall(b"0\r\n\r\nGET /hidden HTTP/1.1\r\n" + host + b"\r\n")
            answer += b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert statuses(answer) == [405]
    assert b"Connection: close\r\n" in answer
    assert served.requests == [("POST", "/", 405)]


def test_only_names_of_this_machine_are_answered(served):
    port = served.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert ask(served, Host=host)[0] == 200
    strangers = ["evil.example", f"evil.example:{port}", "127.0.0.1", f"localhost:{port + 1}", ""]
    for host in [*strangers, f"localhost.evil.example:{port}", f"127.0.0.1:{port}@evil.example"]:
        status, _, body = ask(served, "/bundle/items.json", Host=host)
        assert status == 421
        assert b"evil" not in body

    served.server.is_local = False  # asked for: others call this machine by names of their own
    assert ask(served, Host="shop.example")[0] == 200


def test_who_can_reach_it(folder):
    page = read_page(folder)
    for host, local, url in [
        ("127.0.0.1", True, "http://127.0.0.1:{}/"),
        ("127.0.0.9", True, "http://127.0.0.9:{}/"),
        ("0.0.0.0", False, "http://localhost:{}/"),  # noqa: S104
    ]:
        with Server(page, host, 0) as server:
            assert server.is_local is local
            assert server.url == url.format(server.server_port)
            assert server.server_address[0] == host


def test_an_address_that_is_not_here_is_refused(folder):
    for host in ("192.0.2.1", "no such host", "256.1.1.1"):
        with pytest.raises(ConfigError, match=f"cannot listen on {host}, port 8300 "):
            listen(read_page(folder), host, 8300)


def test_a_taken_port_is_left_to_its_owner(served, folder):
    with listen(read_page(folder), "127.0.0.1", served.port) as second:
        assert served.port < second.server_port
        with listen(read_page(folder), "127.0.0.1", served.port) as third:
            assert third.server_port not in (served.port, second.server_port)
    assert ask(served)[0] == 200


def test_the_last_ports_are_followed_by_any(folder):
    with listen(read_page(folder), "127.0.0.1", 65535) as last:
        assert last.server_port == 65535
        with listen(read_page(folder), "127.0.0.1", 65535) as other:
            assert 1024 <= other.server_port < 65535


def test_who_asks_by_a_version_without_headers_gets_the_policies_too(served):
    old = send(served, get(served, "/").replace(b"HTTP/1.1", b"HTTP/0.9"))
    for name, value in SECURITY.items():
        assert f"{name}: {value}\r\n".encode() in old
    assert old.endswith(b"this is index.html")
    assert statuses(old) == [200]


def test_a_stopped_server_answers_nobody_until_it_starts_again(served):
    with connected(served) as connection:
        assert say(connection)[0] == 200
        served.stop()
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            say(connection)
    with pytest.raises(ConnectionRefusedError):
        ask(served)
    url = served.url
    served.start()
    assert served.url == url
    assert ask(served)[0] == 200
