"""Whatever bytes a client sends: HTTP answers with the policies, of the site and nothing else."""

import re
import socket
import threading

import pytest
from hypothesis import strategies as st

from pocketrec.app.negotiation import choose_coding, is_held
from pocketrec.app.server import HEADERS, Server
from pocketrec.app.site import read_page
from support.patience import HANG_SECONDS
from support.tally import fuzz

PAGES = {"index.html": b"<p>the page", "assets/app.js": b"run()", "assets/app.js.gz": b"packed"}
SECRET = b"do not tell"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    for name, content in PAGES.items():
        (folder / "static" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "static" / name).write_bytes(content)
    (folder / "secret.txt").write_bytes(SECRET)
    with Server(read_page(folder / "static"), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(server, request):
    """All that comes back to some bytes, after which nothing more is said."""
    with socket.create_connection(server.server_address, timeout=HANG_SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))
        except (ConnectionResetError, BrokenPipeError):
            return None  # hung up on before it had said all


def answers(text, methods):
    """(status, headers, body) of each answer; fails for anything that is no answer."""
    parsed = []
    while text:
        start, end, text = text.partition(b"\r\n\r\n")
        assert end, f"no end of the headers: {start!r}"
        first, *lines = start.decode("ascii").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Za-z -]+", first)[1])
        if status == 100:
            continue
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header twice"
        length = int(headers.get("Content-Length", 0))
        head = len(parsed) < len(methods) and methods[len(parsed)] == b"HEAD"
        if head and not (headers.get("Connection") == "close" and len(text) == length):
            length = 0  # what only begins like a HEAD is refused in full
        assert len(text) >= length, "a body that is too short"
        parsed.append((status, headers, text[:length]))
        text = text[length:]
    return parsed


def check(server, request, methods=()):
    """The answers to some bytes, each with the policies and a body of the site."""
    got = send(server, request)
    if got is None:
        return []
    assert SECRET not in got
    assert b"root:" not in got
    parsed = answers(got, methods)
    for status, headers, body in parsed:
        assert headers.items() >= HEADERS.items()
        assert "Server" not in headers
        if status == 200:
            assert body in (*PAGES.values(), b"")
        elif status == 304:
            assert body == b""
        else:
            assert 400 <= status < 600
            assert body == b"" or re.fullmatch(rb"%d: [^\n]{3,200}\n" % status, body)
    return parsed


line = st.text(st.characters(codec="latin-1"), max_size=12).map(lambda text: text.encode("latin-1"))
plain = line.map(lambda text: re.sub(rb"[\r\n]", b"", text))
# fmt: off
NAMES = [
    b"Host", b"Content-Length", b"Transfer-Encoding", b"Accept-Encoding", b"If-None-Match",
    b"Connection", b"Expect", b"Range", b"Upgrade", b"", b"X-Forwarded-Host", b" Host",
]
TARGETS = [
    b"/", b"/index.html", b"/assets/app.js", b"/assets/app.js.gz", b"/nothing", b"*", b"",
    b"/../secret.txt", b"/%2e%2e/secret.txt", b"//etc/passwd", b"/\\..\\secret.txt",
]
VERSIONS = [*[b"HTTP/1.1"] * 4, b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0"]
# fmt: on
targets = st.one_of(
    st.sampled_from(TARGETS),
    st.lists(st.sampled_from([b"..", b".", b"", b"%2e", b"\x00", b"secret.txt", b"assets"])).map(
        b"/".join
    ),
    plain.map(lambda text: b"/" + text),
)
headers = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(NAMES),
            st.one_of(
                plain,
                st.sampled_from(
                    [b"0", b"3", b"-1", b"9" * 30, b"chunked", b"close", b"keep-alive", b"*"]
                ),
                st.sampled_from([b"gzip", b"br;q=0.5, gzip", b"100-continue", b"bytes=0-3"]),
            ),
        ).map(b": ".join),
        line,
    ),
    max_size=4,
)


@st.composite
def requests(draw):
    """Bytes that are much like a request."""
    method = draw(st.sampled_from([b"GET", b"GET", b"HEAD", b"POST", b"get"]) | plain)
    version = draw(st.sampled_from(VERSIONS) | plain)
    end = draw(st.sampled_from([b"\r\n"] * 4 + [b"\n", b"\r"]))
    hosts = draw(st.sampled_from([[b"Host: HOST"]] * 4 + [[], [b"Host: HOST"] * 2]))
    lines = [b" ".join([method, draw(targets), version]), *hosts, *draw(headers), b"", b""]
    return end.join(lines) + draw(st.sampled_from([b"", b"", b"abc", b"0\r\n\r\n"]))


@fuzz("server: any bytes", 500, request=st.binary(max_size=300) | st.lists(line).map(b"\r\n".join))
def test_any_bytes_are_answered_or_hung_up_on(server, capfd, request):
    check(server, request)
    assert capfd.readouterr() == ("", "")


@fuzz("server: what is much like requests", 1200, many=st.lists(requests(), min_size=1, max_size=3))
def test_what_is_much_like_a_request_is_answered(server, capfd, many):
    host = f"127.0.0.1:{server.server_port}".encode()
    sent = [request.replace(b"HOST", host) for request in many]
    # A HEAD among requests that are none leaves open which answer has no body: one at a time.
    if any(b"HEAD" in request for request in sent):
        for request in sent:
            check(server, request, [request.split(b" ", 1)[0]])
    else:
        check(server, b"".join(sent))
    assert capfd.readouterr() == ("", "")


@fuzz(
    "server: requests as they should be",
    500,
    target=targets.filter(lambda target: b" " not in target and target.isascii()),
    query=st.sampled_from([b"", b"?", b"?a=/../secret.txt"]),
    method=st.sampled_from([b"GET", b"HEAD"]),
    coding=st.sampled_from([b"gzip", b"identity", b"br", b"gzip;q=0", b"*"]),
    payload=st.just(b"") | st.binary(max_size=20) | st.just(b"GET / HTTP/1.1\r\n\r\n"),
)
def test_a_request_gets_the_file_of_that_very_name(
    server, capfd, target, query, method, coding, payload
):
    """Once, whatever its body says."""
    target = re.sub(rb"[\x00-\x20\x7f]", b"", target) or b"/"
    host = f"localhost:{server.server_port}".encode()
    lines = [
        method + b" " + target + query + b" HTTP/1.1",
        b"Host: " + host,
        b"Accept-Encoding: " + coding,
        *([b"Content-Length: %d" % len(payload)] if payload else []),
    ]
    ((status, headers, body),) = check(server, b"\r\n".join([*lines, b"", payload]), [method])
    path = re.sub(rb"^/+", b"/", target).partition(b"?")[0].decode("latin-1")
    name = "index.html" if path == "/" else path.removeprefix("/")
    if name not in PAGES or not path.startswith("/") or name.endswith(".gz"):
        assert status == 404
        return
    assert status == 200
    packed = name.endswith(".js") and coding in (b"gzip", b"*")
    content = PAGES[name + ".gz" if packed else name]
    assert headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert int(headers["Content-Length"]) == len(content)
    assert body == (content if method == b"GET" else b"")
    assert capfd.readouterr() == ("", "")


qualities = st.sampled_from(["0", "0.0", "0.001", "0.3", "0.5", "0.999", "1", "1.000"])
wishes = st.lists(
    st.tuples(st.sampled_from(["br", "gzip", "identity", "*", "zstd"]), st.none() | qualities),
    max_size=5,
    unique_by=lambda wish: wish[0],
)


@fuzz("negotiation: wishes", 400, wishes=wishes, offered=st.sets(st.sampled_from(["br", "gzip"])))
def test_the_coding_that_is_liked_best_is_sent(wishes, offered):
    accepted = ", ".join(name + (f";q={q}" if q else "") for name, q in wishes)
    chosen = choose_coding(accepted, offered | {"identity"})
    liked = {name: float(q or 1) for name, q in wishes}
    quality = {name: liked.get(name, liked.get("*", 0.0)) for name in offered}
    quality["identity"] = liked.get("identity", liked.get("*", 0.0001))
    best = max(quality.values())
    if best == 0:
        assert chosen == "identity"
    else:
        assert quality[chosen] == best
        assert chosen == next(n for n in ("br", "gzip", "identity") if quality.get(n) == best)


@fuzz("negotiation: any header", 400, accepted=st.text(), tags=st.text())
def test_any_header_is_negotiated(accepted, tags):
    assert choose_coding(accepted, {"identity", "gzip"}) in ("identity", "gzip")
    assert is_held(tags, '"a tag that nobody has"') == (tags.strip() in ("*", "W/*"))
