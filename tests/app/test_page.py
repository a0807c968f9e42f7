"""The whole visit of somebody new, in a real browser."""

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from pocketrec.runtime import Personal
from support.page_visit import EMPIRE, JEDI, MATRIX, QUICK, Visit, films

pytestmark = pytest.mark.browser
CONTEXT = QUICK

SHOWN = 12
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def visit(page, server):
    page.clock.set_fixed_time(NOW)  # the model is told how long ago each tap was
    visit = Visit(page, server.url).open()
    yield visit
    assert visit.complaints == []


def popular(**asked):
    return [str(line.id) for line in films().recommend([], k=SHOWN, **asked)]


def test_the_list_is_what_is_popular_until_something_is_liked(visit, page):
    assert visit.list == popular()
    assert "what most people choose" in page.get_by_test_id("invite").inner_text()
    assert page.get_by_test_id("undo").is_disabled()

    visit.tap(EMPIRE)
    assert visit.list != popular()
    assert EMPIRE not in visit.list
    assert JEDI in visit.list  # the next film of the series
    assert len(visit.list) == SHOWN
    line = page.get_by_test_id("rank-line").inner_text()
    assert re.fullmatch(r"Re-ranked 3,416 films in \d+\.\d ms, on this device", line)
    assert page.get_by_test_id("invite").is_hidden()
    assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"


def test_each_verdict_takes_its_item_out_of_the_list_and_undo_puts_it_back(visit, page):
    lists = [visit.list]
    verdicts = []
    for verdict in ("like", "seen", "dislike"):
        second = visit.list[1]
        visit.tap(second, verdict, within="recommendations")
        verdicts.append([second, verdict])
        lists.append(visit.list)
        assert not set(visit.list) & {item for item, _ in verdicts}
        assert len(visit.list) == SHOWN
    visit.show("history")
    events = page.get_by_test_id("event").evaluate_all(
        "(rows) => rows.map(({ dataset }) => [dataset.id, dataset.given])"
    )
    assert events == verdicts[::-1]
    visit.show("for-you")
    for earlier in reversed(lists[:-1]):
        with visit.reranked():
            page.get_by_test_id("undo").click()
        assert visit.list == earlier
    assert page.get_by_test_id("undo").is_disabled()


def test_the_same_verdict_again_takes_it_back(visit, page):
    first = visit.list
    visit.tap(MATRIX)
    assert visit.list != first
    visit.tap(MATRIX)
    assert visit.list == first
    visit.tap(MATRIX)
    visit.show("history")
    with visit.reranked():
        page.get_by_test_id("remove").click()
    assert visit.list == first


def test_why_names_what_was_liked(visit, page):
    why = page.get_by_test_id("why")
    why.first.click()
    reason = page.get_by_test_id("why-text").first
    expect(reason).to_have_text("Because many people choose it: you have not liked anything yet.")
    visit.tap(EMPIRE)
    row = page.locator(f"#recommendations > [data-id='{JEDI}']")
    row.get_by_test_id("why").click()
    expect(row.get_by_test_id("why-text")).to_contain_text("Because you liked Star Wars: Episode V")
    visit.tap(EMPIRE)
    visit.tap(EMPIRE, "seen")
    expect(row.get_by_test_id("why-text")).to_contain_text("have seen Star Wars: Episode V")


def test_filters_hold_for_the_list_and_the_grid(visit, page):
    attributes = {str(item.id): item.attributes for item in films().items}
    visit.tap(EMPIRE)
    with visit.reranked():
        page.locator(".chip[data-value=Western]").click()
    expect(page.locator("#grid > li").first).to_have_attribute("data-id", "590")
    for item in (*visit.list, *visit.grid):
        assert "Western" in attributes[item]["genres"]
    visit.limit("year-from", "1960")
    visit.limit("year-to", "1969")
    within = [
        key
        for key, values in attributes.items()
        if "Western" in values["genres"] and 1960 <= values["year"] <= 1969
    ]
    expect(page.get_by_test_id("found")).to_have_text(f"{len(within)} films of 3,416")
    assert visit.grid == within
    assert len(visit.list) == SHOWN
    assert set(visit.list) <= set(within)

    with visit.reranked():
        page.get_by_test_id("clear-filters").click()
    expect(page.get_by_test_id("found")).not_to_contain_text("of 3,416")
    assert any("Western" not in attributes[item]["genres"] for item in visit.list)

    visit.limit("year-to", "1921")
    assert sorted(visit.list) == sorted(
        k for k, values in attributes.items() if values["year"] < 1922
    )
    with visit.reranked():
        page.locator(".chip[data-value=Sci-Fi]").click()
    assert visit.list == []
    assert "No films are left" in page.get_by_test_id("invite").inner_text()
    expect(page.locator("#nothing")).to_be_visible()


def test_the_search_finds_titles_as_people_say_them(visit, page):
    for words in ("the matrix", "MATRIX", "matr"):
        visit.search(words)
        assert visit.grid[0] == MATRIX
    visit.search("amelie zzz")
    assert visit.grid == []
    assert page.locator("#nothing").is_visible()
    visit.search("1931 dracula")
    assert len(visit.grid) == 1
    visit.search("")
    assert len(visit.grid) > SHOWN


def test_the_data_are_shown_taken_along_wiped_and_brought_back(visit, page, tmp_path):
    visit.tap(EMPIRE)
    visit.tap(MATRIX, "dislike")
    own = visit.list
    visit.show("data")
    expect(page.get_by_test_id("size")).to_contain_text("2 events")
    page.get_by_text("Show it as it is stored").click()
    shown = json.loads(page.get_by_test_id("stored").inner_text())
    assert [event["id"] for event in shown["state"]["events"]] == [int(EMPIRE), int(MATRIX)]
    visit.until_stored(2)
    assert [record["state"] for record in visit.stored()] == [shown["state"]]

    with page.expect_download() as download:
        page.get_by_test_id("export").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == ".json"
    assert json.loads(file.read_text())["state"] == shown["state"]

    page.get_by_test_id("wipe").click()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("size")).to_contain_text("2 events")
    page.get_by_test_id("wipe").click()
    with visit.reranked():
        page.get_by_test_id("confirm").click()
    assert visit.list == popular()
    assert visit.stored() == []

    with visit.reranked():
        page.get_by_test_id("import-file").set_input_files(file)
    assert "is imported" in visit.banner("import")
    assert visit.list == own
    visit.until_stored(2)


def test_python_goes_on_from_what_the_page_exports(visit, page, tmp_path):
    for item in (EMPIRE, JEDI, MATRIX):
        visit.tap(item)
    visit.show("data")
    with page.expect_download() as download:
        page.get_by_test_id("export").click()
    download.value.save_as(tmp_path / "mine.json")
    state = json.loads((tmp_path / "mine.json").read_text())["state"]
    same = Personal.from_json(films(), state)
    other = Personal(films())
    for event in state["events"]:
        other.like(event["id"], time=event["time"])
    assert other.vector == pytest.approx(same.vector, abs=1e-4)
    assert [str(line.id) for line in same.recommend(k=SHOWN, now=NOW)] == visit.list


def test_what_is_told_about_oneself_changes_the_list(visit, page):
    before = visit.list
    visit.show("data")
    with visit.reranked():
        page.get_by_test_id("about-age").select_option("1")
    assert visit.list == popular(user={"age": "1"})
    assert visit.list != before
    with visit.reranked():
        page.get_by_test_id("about-age").select_option("")
    assert visit.list == before
