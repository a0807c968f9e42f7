"""Any bundle opens in the page, by address or from files, and is not called films."""

import json

import pytest
from playwright.sync_api import expect

from support.page_visit import QUICK, Visit, films, replace

pytestmark = pytest.mark.browser
CONTEXT = QUICK  # its worker would ask for files for later at any moment, and requests are counted

NAMES = ("manifest.json", "items.json", "model.tflite")


@pytest.fixture
def second(server, fresh_shop):
    """The films with the small shop's bundle beside them; gives the search that asks for it."""
    for name in NAMES:
        resource = server.site[f"bundle/{name}"]
        server.site[f"shop/{name}"] = resource
        replace(server, f"shop/{name}", (fresh_shop.bundle / name).read_bytes())
    return "?bundle=shop"


def is_the_shop(visit, featured):
    """Check that the small shop is what is shown."""
    page = visit.page
    ids = [item.id for item in featured.items]
    assert visit.grid == ids
    assert visit.list == [line.id for line in featured.recommend([], k=12)]
    expect(page.locator("#pick-title")).to_have_text("Pick items")
    assert f"{len(ids)} items" in page.get_by_test_id("rank-line").inner_text()
    assert "film" not in page.locator("main").inner_text().lower()
    first = ids[0]
    visit.tap(first)
    assert first not in visit.list
    assert page.locator(f"#grid > [data-id='{first}'] .title").inner_text()


def test_a_bundle_by_its_address(page, server, second, featured):
    visit = Visit(page, server.url).open(second)
    is_the_shop(visit, featured)
    values = page.locator(".chip").evaluate_all("(chips) => chips.map((c) => c.dataset.value)")
    assert sorted(values) == ["cold", "hot"]
    with visit.reranked():
        page.locator(".chip[data-value=hot]").click()
    hot = {item.id for item in featured.items if "hot" in item.attributes["tags"]}
    assert set(visit.grid) <= hot
    assert set(visit.list) <= hot
    assert visit.complaints == []


def test_each_bundle_has_its_own_history(page, server, second):
    visit = Visit(page, server.url).open()
    visit.tap("1196")
    visit.until_stored(1)
    visit.open(second)
    count = page.get_by_test_id("tab-history").locator(".count")
    expect(count).to_have_text("")
    visit.tap(visit.grid[0])
    visit.until_stored(2)
    visit.open()
    expect(count).to_have_text("1")
    assert "1196" not in visit.list
    assert len(visit.stored()) == 2


def test_a_bundle_from_files(page, server, fresh_shop, featured):
    visit = Visit(page, server.url).open()
    visit.show("data")
    before = len(server.requests)
    page.get_by_test_id("file-input").set_input_files([fresh_shop.bundle / n for n in NAMES])
    assert "opened from your files" in visit.banner("opened")
    visit.show("for-you")
    is_the_shop(visit, featured)
    assert len(server.requests) == before


def test_files_that_are_no_bundle_are_told_and_what_is_open_stays(page, server, tmp_path):
    visit = Visit(page, server.url).open()
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "bundle", "format_version": 99}))
    visit.show("data")
    page.get_by_test_id("file-input").set_input_files([tmp_path / "manifest.json"])
    assert "format version 99" in visit.banner("opened").lower()
    visit.show("for-you")
    visit.tap(str(films().items[0].id))


def test_a_bundle_from_files_where_the_page_has_none(page, server, fresh_shop, featured):
    for name in NAMES:
        replace(server, f"bundle/{name}", None)
    page.goto(server.url)
    visit = Visit(page, server.url)
    assert "manifest.json' is not there (HTTP 404)" in visit.error()
    files = [fresh_shop.bundle / name for name in NAMES]
    page.get_by_test_id("error").get_by_test_id("file-input").set_input_files(files)
    is_the_shop(visit.ready(), featured)
