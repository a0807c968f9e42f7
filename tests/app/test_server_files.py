"""What the server answers: each file with its type, caching, coding and policies."""

import gzip

import pytest

from pocketrec.app.site import read_page
from support.http_requests import (
    BUNDLE,
    FILES,
    SECRET,
    SECURITY,
    ask,
    connected,
    raw,
    say,
    statuses,
)


@pytest.mark.parametrize(("name", "expected"), (FILES | BUNDLE).items(), ids=[*FILES, *BUNDLE])
def test_files_come_with_their_type_and_caching(served, folder, shop, name, expected):
    status, headers, body = ask(served, f"/{name}")
    bundle = name.startswith("bundle/")
    assert status == 200
    assert body == (shop.folder if bundle else folder).joinpath(name).read_bytes()
    assert headers["Content-Type"] == expected[0]
    assert ("immutable" if "immutable" in headers["Cache-Control"] else "no-cache") == expected[1]
    assert ("max-age=31536000" in headers["Cache-Control"]) == (expected[1] == "immutable")


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
    tags = {}
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
        tags[coding] = headers["ETag"]
    assert len(set(tags.values())) == 3
    # What was kept in one coding is not what another coding would be.
    status, _, _ = ask(served, "/pocketrec.js", Accept_Encoding="gzip", If_None_Match=tags["br"])
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


def test_head_tells_what_get_would(served):
    with connected(served) as connection:
        for path in ("/", "/wasm/litert.wasm", "/bundle/model.tflite", "/nothing"):
            headers = say(connection, path, "HEAD")[1]
            status, expected, _ = say(connection, path)
            expected.replace_header("Date", headers["Date"])
            assert headers.items() == expected.items()
            assert status == (404 if path == "/nothing" else 200)
    assert raw(served, b"/", b"HEAD", extra=b"Connection: close\r\n").endswith(b"\r\n\r\n")


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
