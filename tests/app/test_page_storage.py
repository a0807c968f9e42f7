"""Storage that is blocked or full, and two tabs that share it: nothing is lost in silence."""

import json

import pytest
from playwright.sync_api import expect

from support.page_visit import EMPIRE, MATRIX, NO_WORKER, Visit, films

pytestmark = pytest.mark.browser
CONTEXT = NO_WORKER

BLOCKED = """indexedDB.open = () => {
  throw new DOMException('The user denied permission.', 'SecurityError');
};"""

FULL = """const { put } = IDBObjectStore.prototype;
IDBObjectStore.prototype.put = function (...args) {
  if (globalThis.full) throw new DOMException('No room.', 'QuotaExceededError');
  return put.apply(this, args);
};"""
"""While `full` is set. (What DevTools can override is the quota that IndexedDB asks for seldom.)"""


CHANGE = """async (values) => {
  const opening = indexedDB.open('pocketrec', 1);
  await new Promise((resolve) => (opening.onsuccess = resolve));
  const records = opening.result.transaction('records', 'readwrite').objectStore('records');
  const reading = records.getAll();
  await new Promise((resolve) => (reading.onsuccess = resolve));
  records.clear();
  const writing = records.put({ ...reading.result[0], ...values });
  await new Promise((resolve) => (writing.onsuccess = resolve));
  opening.result.close();
}"""
"""Change values of the stored record."""


def exported(visit, path):
    """The ids of what the banner's button exports."""
    with visit.page.expect_download() as download:
        visit.page.locator(".banner[data-name='storage']").get_by_text("Export").click()
    download.value.save_as(path)
    return [str(event["id"]) for event in json.loads(path.read_text())["state"]["events"]]


def test_where_storage_is_blocked_the_page_says_so_and_goes_on(page, server, tmp_path):
    page.add_init_script(BLOCKED)
    visit = Visit(page, server.url).open()
    assert "blocks storage" in visit.banner("storage")
    first = visit.list
    visit.tap(EMPIRE)
    visit.tap(MATRIX)
    assert visit.list != first
    assert "blocks storage" in visit.banner("storage")
    assert exported(visit, tmp_path / "mine.json") == [EMPIRE, MATRIX]
    visit.show("data")
    expect(page.get_by_test_id("size")).to_contain_text("blocks storage")
    assert visit.complaints == []


def test_where_storage_is_full_the_page_goes_on_and_keeps_all_once_there_is_room(
    page, server, tmp_path
):
    page.add_init_script(FULL)
    visit = Visit(page, server.url).open()
    visit.tap(EMPIRE)
    visit.until_stored(1)
    page.evaluate("globalThis.full = true")
    visit.tap(MATRIX)
    assert "storage is full" in visit.banner("storage")
    visit.tap("260", "dislike")
    assert exported(visit, tmp_path / "mine.json") == [EMPIRE, MATRIX, "260"]
    assert [event["id"] for event in visit.stored()[0]["state"]["events"]] == [int(EMPIRE)]

    page.evaluate("globalThis.full = false")
    visit.tap("1210")
    visit.until_stored(4)
    expect(page.locator(".banner[data-name='storage']")).to_have_count(0)
    visit.reload()
    expect(page.get_by_test_id("tab-history").locator(".count")).to_have_text("4")


def test_what_another_model_learned_is_left_behind_and_its_events_are_kept(page, server):
    visit = Visit(page, server.url).open()
    visit.tap(EMPIRE)
    visit.until_stored(1)
    (record,) = visit.stored()
    other = "f" * 64
    page.evaluate(CHANGE, {"model": other, "state": {**record["state"], "model": other}})
    visit.reload()
    assert "The model is new: 1 event kept" in visit.banner("restored")
    assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"
    visit.show("data")
    expect(page.get_by_test_id("learned")).to_contain_text("0 steps")


def test_a_damaged_record_is_told(page, server):
    visit = Visit(page, server.url).open()
    first = visit.list
    visit.tap(EMPIRE)
    visit.until_stored(1)
    page.evaluate(CHANGE, {"state": 5})
    visit.reload()
    assert "damaged" in visit.banner("restored")
    assert visit.list == first
    visit.tap(MATRIX)
    visit.until_stored(1)


def test_two_tabs_at_once_both_end_with_all_taps(context, server):
    tabs = [Visit(context.new_page(), server.url).open() for _ in range(2)]
    items = [str(item.id) for item in films().items[:12]]
    # Pressed within each page at once, so that both tabs read, learn and write at the same time.
    press = """(ids) => {
      for (const id of ids) document.querySelector(`#grid > [data-id='${id}'] button`).click();
    }"""
    for tab, own in zip(tabs, (items[::2], items[1::2]), strict=True):
        tab.page.evaluate(f"(ids) => void setTimeout(() => ({press})(ids))", own)
    for tab in tabs:
        expect(tab.page.get_by_test_id("tab-history").locator(".count")).to_have_text("12")
    tabs[0].until_stored(12)
    (record,) = tabs[0].stored()
    assert {str(event["id"]) for event in record["state"]["events"]} == set(items)
    for _ in range(500):  # the tab that stored first shows the other's last tap a little later
        if tabs[0].list == tabs[1].list:
            break
        tabs[0].page.wait_for_timeout(20)
    assert tabs[0].list == tabs[1].list
    assert not set(tabs[0].list) & set(items)
    assert tabs[0].complaints == tabs[1].complaints == []


def test_what_one_tab_wipes_is_gone_in_the_other(context, server):
    first, second = (Visit(context.new_page(), server.url).open() for _ in range(2))
    first.tap(EMPIRE)
    expect(second.button(EMPIRE)).to_have_attribute("aria-pressed", "true")
    second.show("data")
    second.page.get_by_test_id("wipe").click()
    second.page.get_by_test_id("confirm").click()
    expect(first.button(EMPIRE)).to_have_attribute("aria-pressed", "false")
    assert first.stored() == second.stored() == []
    assert first.list == second.list
