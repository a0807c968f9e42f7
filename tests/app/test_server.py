"""The server: what it answers, what it refuses, and what clients can do to it."""

import gzip
import http.client
import re
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest

from pocketrec.app.server import Server, listen
from pocketrec.app.site import read_page
from pocketrec.errors import ConfigError

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


def ask(served, path="/", method="GET", **headers):
    """Status, headers and body of one request on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        return say(connection, path, method, **headers)


def say(connection, path="/", method="GET", body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers={"Accept-Encoding": "", **named})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def send(served, request, *, seconds=10):
    """All that comes back to some raw bytes, until the server closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=seconds) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def get(served, path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode()


def raw(served, target, method=b"GET", extra=b""):
    host = f"127.0.0.1:{served.port}".encode()
    return send(served, b"%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, target, host, extra))


def statuses(answer):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize(("name", "told"), (FILES | BUNDLE).items(), ids=[*FILES, *BUNDLE])
def test_files_come_with_their_type_and_caching(served, folder, shop, name, told):
    status, headers, body = ask(served, f"/{name}")
    bundle = name.startswith("bundle/")
    assert status == 200
    assert body == (shop.folder if bundle else folder).joinpath(name).read_bytes()
    assert headers["Content-Type"] == told[0]
    assert ("immutable" if "immutable" in headers["Cache-Control"] else "no-cache") == told[1]
    assert ("max-age=31536000" in headers["Cache-Control"]) == (told[1] == "immutable")


def test_the_page_is_at_the_root_with_or_without_a_query(served):
    for path in ("/", "/index.html", "/?bundle=other/", "/?a=../../secret.txt"):
        assert ask(served, path)[2] == b"this is index.html"


def test_every_answer_has_the_security_headers(served):
    etag = ask(served)[1]["ETag"]
    answers = [
        ask(served),
        ask(served, If_None_Match=etag),
        ask(served, "/bundle/model.tflite", Accept_Encoding="gzip"),
        ask(served, method="HEAD"),
        ask(served, "/nothing"),
        ask(served, method="POST"),
        ask(served, Host="evil.example"),
    ]
    assert [status for status, _, _ in answers] == [200, 304, 200, 200, 404, 405, 421]
    for _, headers, _ in answers:
        assert {name: headers[name] for name in SECURITY} == SECURITY
        policy = headers["Permissions-Policy"].split(", ")
        assert {"camera=()", "geolocation=()", "microphone=()"} <= set(policy)
        assert headers["Server"] is None
        assert "Python" not in str(headers)


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


def test_a_browser_is_told_that_it_holds_the_newest(served, folder, serve, shop):
    _, headers, body = ask(served, "/pocketrec.js")
    tag = headers["ETag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, headers, body = ask(served, "/pocketrec.js", If_None_Match=held)
        assert (status, body, headers["ETag"]) == (304, b"", tag)
        assert headers["Cache-Control"] == "no-cache"
    assert ask(served, "/pocketrec.js", If_None_Match='"other"')[0] == 200
    assert ask(served, "/sw.js", If_None_Match=tag)[0] == 200

    (folder / "pocketrec.js").write_text("another version")
    changed = serve(read_page(folder), shop.bundle)
    assert ask(changed, "/pocketrec.js", If_None_Match=tag)[0] == 200


def test_each_coding_has_its_bytes_and_its_tag(served):
    found = {}
    for accepted, coding, body in [
        ("", None, b"this is pocketrec.js"),
        ("gzip", "gzip", b"gz of pocketrec.js"),
        ("gzip, br", "br", b"br of pocketrec.js"),
        ("gzip, br;q=0", "gzip", b"gz of pocketrec.js"),
    ]:
        status, headers, sent = ask(served, "/pocketrec.js", Accept_Encoding=accepted)
        assert (status, headers["Content-Encoding"], sent) == (200, coding, body)
        assert headers["Content-Length"] == str(len(body))
        assert headers["Vary"] == "Accept-Encoding"
        assert headers["Content-Type"] == "text/javascript; charset=utf-8"
        found[coding] = headers["ETag"]
    assert len(set(found.values())) == 3
    # What was kept in one coding is not what another coding would be.
    status, _, _ = ask(served, "/pocketrec.js", Accept_Encoding="gzip", If_None_Match=found["br"])
    assert status == 200
    assert ask(served, "/sw.js", Accept_Encoding="br")[1]["Vary"] is None


@pytest.mark.parametrize("name", ["manifest.json", "items.json", "model.tflite"])
def test_a_bundle_travels_compressed(served, shop, name):
    _, headers, body = ask(served, f"/bundle/{name}", Accept_Encoding="gzip, br")
    content = (shop.bundle / name).read_bytes()
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) < len(content)
    assert gzip.decompress(body) == content


@pytest.mark.parametrize(
    "target",
    [
        b"/../secret.txt",
        b"/../static.txt",
        b"/assets/../../secret.txt",
        b"../secret.txt",
        b"/..%2fsecret.txt",
        b"/%2e%2e/secret.txt",
        b"/%2e%2e%2fsecret.txt",
        b"/%252e%252e/secret.txt",
        b"/..\\secret.txt",
        b"/..%5csecret.txt",
        b"/\xc0\xae\xc0\xae/secret.txt",
        b"/%c0%ae%c0%ae/secret.txt",
        b"/....//secret.txt",
        b"//secret.txt",
        b"/./../secret.txt",
        b"/secret.txt\x00.js",
        b"/..\x00/secret.txt",
        b"/index.html%00",
        b"/index.html/../../secret.txt",
        b"/bundle/../secret.txt",
        b"/bundle/README.md",
        b"/bundle/",
        b"/bundle",
        b"/assets/",
        b"/pocketrec.js.br",
        b"/INDEX.HTML",
        b"file:///etc/passwd",
        b"/etc/passwd",
        b"http://127.0.0.1/../secret.txt",
        b"@secret.txt",
        b"*",
        b"?",
    ],
)
def test_no_other_path_is_reached(served, folder, target):
    for path in (target, str(folder).encode() + target):
        answer = raw(served, path)
        assert statuses(answer) == [404]
        assert SECRET not in answer
        assert b"root:" not in answer


def test_what_comes_after_the_start_is_not_there(served, folder):
    (folder / "new.txt").write_text("new")
    (folder / "index.html").write_text("changed")
    assert ask(served, "/new.txt")[0] == 404
    assert ask(served)[2] == b"this is index.html"


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "BREW"]
)
def test_other_methods_are_refused(served, method):
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
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
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
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


def test_head_tells_what_get_would(served):
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        for path in ("/", "/wasm/litert.wasm", "/bundle/model.tflite", "/nothing"):
            headers = say(connection, path, "HEAD")[1]
            status, expected, _ = say(connection, path)
            expected.replace_header("Date", headers["Date"])
            assert headers.items() == expected.items()
            assert status == (404 if path == "/nothing" else 200)
    assert raw(served, b"/", b"HEAD", extra=b"Connection: close\r\n").endswith(b"\r\n\r\n")


def test_one_connection_takes_many_requests(served):
    paths = [f"/{name}" for name in FILES | BUNDLE]
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        say(connection)
        port = connection.sock.getsockname()[1]
        for n in range(500):
            assert say(connection, paths[n % len(paths)])[0] == 200
            assert say(connection, "/nothing")[0] == 404
        assert connection.sock.getsockname()[1] == port
    assert statuses(send(served, get(served, "/sw.js") * 3)) == [200, 200, 200]


def test_two_hundred_clients_at_once(served, shop):
    model = (shop.bundle / "model.tflite").read_bytes()
    all_here = threading.Barrier(200, timeout=30)

    def visit(_):
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)) as client:
            client.connect()
            all_here.wait()
            found = [say(client, path) for path in ("/", "/bundle/model.tflite", "/nothing")]
        return [(status, body) for status, _, body in found][:2], found[2][0]

    with ThreadPoolExecutor(200) as pool:
        visits = list(pool.map(visit, range(200)))
    expected = ([(200, b"this is index.html"), (200, model)], 404)
    assert all(visit == expected for visit in visits)
    assert len(served.requests) == 600


def test_who_says_little_delays_nobody(served):
    silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(50)]
    for client in silent[::2]:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert ask(served)[0] == 200
    for client in silent:
        client.close()


def test_who_says_little_is_hung_up_on(served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.REQUEST_SECONDS", 0.5)
    threads = threading.active_count()
    idle, dripping = (socket.create_connection(("127.0.0.1", served.port)) for _ in range(2))
    begin = time.monotonic()
    with idle, dripping:
        with suppress(ConnectionError):
            while time.monotonic() - begin < 10:
                dripping.sendall(b"G")  # a byte now and then does not keep a connection
                time.sleep(0.02)
        assert time.monotonic() - begin < 5
        assert idle.recv(1) == b""
    assert_soon(lambda: threading.active_count() <= threads)


def test_who_asks_by_a_version_without_headers_gets_the_policies_too(served):
    old = send(served, get(served, "/").replace(b"HTTP/1.1", b"HTTP/0.9"))
    for name, value in SECURITY.items():
        assert f"{name}: {value}\r\n".encode() in old
    assert old.endswith(b"this is index.html")
    assert statuses(old) == [200]


def test_idle_connections_make_room_for_new_ones(served, monkeypatch):
    """Far sooner than an idle connection is closed by itself, and without a thread for each."""
    most = 8
    monkeypatch.setattr("pocketrec.app.server.MOST_CONNECTIONS", most)
    threads, begin = threading.active_count(), time.monotonic()
    with ExitStack() as stack:
        idle = []
        for _ in range(5 * most):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            idle.append(stack.enter_context(client))
        assert ask(served)[0] == 200
        for client in idle[: 4 * most]:
            assert client.recv(1) == b""  # hung up on, the oldest first
        assert_soon(lambda: threading.active_count() <= threads + most)
        idle[-1].sendall(get(served, "/"))
        assert idle[-1].recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
    assert time.monotonic() - begin < 10
    assert_soon(lambda: threading.active_count() <= threads)


def test_slow_readers_make_room_for_new_ones(large, served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.MOST_CONNECTIONS", 4)
    threads = threading.active_count()
    with ExitStack() as stack:
        for _ in range(8):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            stack.enter_context(client).sendall(get(served, large))
            assert client.recv(100)
        for _ in range(8):
            assert ask(served)[0] == 200
        assert_soon(lambda: threading.active_count() <= threads + 4)
    assert_soon(lambda: threading.active_count() <= threads)


def test_who_does_not_listen_is_hung_up_on_and_delays_nobody(large, served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.ANSWER_SECONDS", 0.5)
    threads = threading.active_count()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as deaf:
        deaf.sendall(get(served, large))
        assert ask(served)[0] == 200
        assert_soon(lambda: threading.active_count() <= threads)
        answer = b"".join(iter(lambda: deaf.recv(1 << 20), b""))
    assert 0 < len(answer) < LARGE


def test_a_keen_client_gets_all_of_a_large_file(large, served):
    assert ask(served, large)[2] == bytes(LARGE)


def test_nothing_is_said_of_clients_that_hang_up(large, served, capfd):
    threads = threading.active_count()
    for _ in range(5):
        client = socket.create_connection(("127.0.0.1", served.port))
        # Closed with a reset, in the middle of an answer.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(get(served, large))
        client.recv(100)
        client.close()
    assert_soon(lambda: threading.active_count() <= threads)
    assert ask(served)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_stopped_server_answers_nobody_until_it_starts_again(served):
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
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


@pytest.mark.browser
def test_a_browser_keeps_the_policies(serve, folder, shop, page):
    (folder / "index.html").write_text(
        "<!doctype html><title>page</title><script>document.title = 'inline'</script>"
        "<script src=sw.js></script><p style='color: red'>"
    )
    (folder / "sw.js").write_text(
        "document.documentElement.dataset.own = 'ran';"
        "fetch('http://localhost:9/').catch(() => document.documentElement.dataset.away = 'no');"
    )
    said = []
    page.on("console", lambda message: said.append(message.text))
    served = serve(read_page(folder), shop.bundle)
    page.goto(served.url)
    page.wait_for_selector("html[data-own=ran][data-away=no]")
    assert page.title() == "page"
    # Three things were forbidden, and no header was unknown to the browser.
    assert [text for text in said if "Content Security Policy" not in text] == []
    assert len(said) >= 3


def assert_soon(is_true):
    until = time.monotonic() + 5
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)
