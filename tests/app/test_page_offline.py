"""The page without a network, after a restart, and installed; and that it asks for nothing."""

import shutil
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Error, expect

from support.page_visit import EMPIRE, MATRIX, Visit, films, replace

pytestmark = pytest.mark.browser

TAPS = 20
NOW = datetime(2026, 11, 25, tzinfo=UTC)

SIZE_OF = """async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  return `${image.naturalWidth}x${image.naturalHeight}`;
}"""


@pytest.fixture
def requests(context):
    """The addresses that any tab or worker of the context has requested."""
    addresses = []
    context.on("request", lambda request: addresses.append(request.url))
    return addresses


def elsewhere(requests, url):
    return [asked for asked in requests if not asked.startswith((url, "data:", "blob:"))]


def the_whole_visit(visit):
    """Everything that a visitor can do that might need something."""
    page = visit.page
    for item in [str(item.id) for item in films().items[:TAPS]]:
        visit.tap(item)
    visit.search("the matrix")
    visit.tap(MATRIX, "dislike")
    visit.search("")
    page.locator("#recommendations [data-testid=why]").first.click()
    expect(page.get_by_test_id("why-text").first).to_contain_text("Because")
    with visit.reranked():
        page.locator(".chip[data-value=Drama]").click()
    with visit.reranked():
        page.get_by_test_id("more").click()
    with visit.reranked():
        page.keyboard.press("u")
    page.mouse.wheel(0, 20_000)
    visit.show("history")
    visit.show("data")
    with page.expect_download():
        page.get_by_test_id("export").click()


def test_nothing_is_asked_for_after_the_first_list(page, server, requests):
    visit = Visit(page, server.url).open().kept_offline()
    before = list(server.requests)
    assert before
    the_whole_visit(visit)
    assert server.requests == before
    assert {server.url, server.url + "sw.js"} <= set(requests)  # the worker's are seen as well
    assert elsewhere(requests, server.url) == []
    assert visit.complaints == []
    expect(page.locator("#status")).to_have_attribute("data-requests", "0")

    # A request of the page's own would have been seen, here and in the page.
    page.evaluate(
        "fetch('bundle/manifest.json', {method: 'POST', body: '1'}).then((r) => r.text())"
    )
    assert server.requests == [*before, ("POST", "/bundle/manifest.json", 405)]
    expect(page.locator("#status")).to_have_attribute("data-requests", "1")


def test_what_goes_elsewhere_is_blocked_and_would_be_seen(page, server, serve, requests):
    visit = Visit(page, server.url).open()
    other = serve({"index.html": server.site["index.html"]})
    attempts = [
        "(url) => fetch(url, {mode: 'no-cors'}).then(() => 'sent', () => 'blocked')",
        "(url) => new Promise((done) => { const image = new Image(); image.src = url;"
        " image.onload = () => done('sent'); image.onerror = () => done('blocked'); })",
        "(url) => new Promise((done) => { const socket = new WebSocket(url.replace('http', 'ws'));"
        " socket.onopen = () => done('sent'); socket.onerror = () => done('blocked'); })",
    ]
    assert [page.evaluate(attempt, other.url) for attempt in attempts] == ["blocked"] * 3
    assert other.requests == []
    assert elsewhere(requests, server.url) != []
    assert any("Content Security Policy" in said for said in visit.complaints)


def test_offline_after_the_first_visit(page, context, server):
    visit = Visit(page, server.url).open().kept_offline()
    visit.tap(EMPIRE)
    own = visit.list
    visit.until_stored(1)
    server.stop()
    context.set_offline(True)
    try:
        visit.reload()
        # Some versions of Chromium tell a new document of the emulation with its next change only.
        context.set_offline(False)
        context.set_offline(True)
        expect(page.locator("#status")).to_contain_text("Offline", timeout=20_000)
        assert len(set(visit.list) & set(own)) > len(own) / 2
        visit.tap(MATRIX)
        assert MATRIX not in visit.list
        page.close()
        second = Visit(context.new_page(), server.url).open()  # a new tab as well
        assert set(second.stored()[0]["state"]) >= {"events", "vector"}
        assert visit.complaints == second.complaints == []
    finally:
        server.start()  # the fixture stops it


def test_a_page_that_was_never_visited_is_not_there_offline(page, context, server):
    context.set_offline(True)
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.goto(server.url)


def test_history_and_vector_survive_a_restart_of_the_browser(browser, server, tmp_path):
    def start_browser(profile):
        program = shutil.which("chromium-headless-shell")
        return browser.browser_type.launch_persistent_context(
            profile, executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )

    with start_browser(tmp_path / "profile") as first:
        first.pages[0].clock.set_fixed_time(NOW)
        visit = Visit(first.pages[0], server.url).open()
        for item in (EMPIRE, MATRIX):
            visit.tap(item)
        visit.until_stored(2)
        before = visit.stored(), visit.list
        assert any(before[0][0]["state"]["vector"])
    with start_browser(tmp_path / "profile") as second:
        second.pages[0].clock.set_fixed_time(NOW)
        visit = Visit(second.pages[0], server.url).open()
        assert (visit.stored(), visit.list) == before
        assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"


def app_manifest(context, page):
    """The manifest as the browser understands it: its address, its values, what is wrong with it.

    Page.getInstallabilityErrors would say more, but headless-shell answers [] to any page.
    """
    answer = context.new_cdp_session(page).send("Page.getAppManifest")
    return answer["url"], answer["manifest"], answer["errors"]


def test_it_can_be_installed(page, context, server):
    Visit(page, server.url).open().kept_offline()
    url, manifest, errors = app_manifest(context, page)
    assert (url, errors) == (server.url + "manifest.webmanifest", [])
    assert manifest["name"]
    assert manifest["display"] == "kStandalone"
    assert manifest["startUrl"] == manifest["scope"] == server.url
    pictures = [icon for icon in manifest["icons"] if icon["sizes"] != "0x0"]  # "any"
    for icon in pictures:
        assert page.evaluate(SIZE_OF, icon["url"]) == icon["sizes"]
    assert {icon["sizes"] for icon in pictures} >= {"192x192", "512x512"}
    worker = "navigator.serviceWorker.getRegistration().then(({ active }) => active.state)"
    assert page.evaluate(worker) == "activated"


def test_a_page_without_a_manifest_or_with_a_damaged_one_is_told(page, context, server):
    """The check above can fail."""
    page.goto(server.url + "licences.txt")
    assert app_manifest(context, page)[0] == ""
    replace(server, "manifest.webmanifest", b'{"name": 1')
    page.goto(server.url)
    assert app_manifest(context, page)[2] != []
