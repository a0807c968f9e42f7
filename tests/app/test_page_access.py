"""The page by keyboard, by screen reader, on small screens and in the dark."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.page_visit import EMPIRE, MATRIX, QUICK, Visit, replace

pytestmark = pytest.mark.browser
CONTEXT = QUICK

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))]);
}"""
NARROW = 320
WIDTHS = (NARROW, 1280)
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WATCH_WIDTH = f"""(text) => {{
  globalThis.frames = [];
  const look = () => {{
    document.documentElement.style.fontSize = text;
    if (document.body) frames.push([document.documentElement.dataset.state, {OVER}]);
    requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}"""
SCHEMES = ("light", "dark")
FOCUS = """() => {
  const { dataset, id } = document.activeElement;
  const item = document.activeElement.closest('[data-id]');
  return [item?.dataset.id ?? id, dataset.verdict ?? dataset.testid ?? ''];
}"""


@pytest.fixture
def visit(page, server):
    return Visit(page, server.url).open()


def violations(page):
    """What axe-core finds, as [rule, elements...]; put in by DevTools, for the CSP lets none in."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(f"{AXE.read_text()};0")
    return page.evaluate(RUN_AXE)


def assert_all_can_use_it(page):
    """No violation and nothing beside the window, in light and dark, narrow and wide."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVER) == 0
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert violations(page) == [], (scheme, width)


def test_axe_finds_nothing_on_a_first_visit_and_after_taps_with_reasons_open(visit, page):
    assert_all_can_use_it(page)
    for item in (EMPIRE, "1210"):
        visit.tap(item)
    visit.tap(MATRIX, "dislike")
    page.get_by_test_id("why").first.click()
    expect(page.get_by_test_id("why-text").first).to_contain_text("Because")
    with visit.reranked():
        page.locator(".chip[data-value=Drama]").click()
    assert_all_can_use_it(page)


def test_axe_finds_nothing_in_the_history_and_the_data(visit, page):
    visit.tap(EMPIRE)
    visit.show("history")
    assert_all_can_use_it(page)
    visit.show("data")
    page.get_by_text("Show it as it is stored").click()
    assert_all_can_use_it(page)
    page.get_by_test_id("wipe").click()
    assert violations(page) == []


def test_axe_finds_nothing_where_the_page_fails(page, server):
    replace(server, "bundle/model.tflite", b"")
    page.goto(server.url)
    Visit(page, server.url).error()
    assert_all_can_use_it(page)


@pytest.mark.parametrize("text", ["100%", "150%"])
@pytest.mark.parametrize("width", [NARROW, 390])
def test_no_frame_is_wider_than_the_window(page, server, width, text):
    """From the first paint to the first like; larger text stands for wider fonts as well."""

    def once_painted(route):
        page.wait_for_function("frames.length > 1")
        route.continue_()

    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(f"({WATCH_WIDTH})('{text}')")
    page.route("**/bundle/model.tflite", once_painted)
    visit = Visit(page, server.url).open()
    visit.tap(EMPIRE)  # the tabs get a count
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    frames = page.evaluate("frames")
    assert {state for state, _ in frames} == {"loading", "ready"}
    assert [frame for frame in frames if frame[1]] == []


def test_every_tab_is_in_sight(visit, page):
    visit.tap(EMPIRE)  # the tabs get a count
    for width in (*WIDTHS, 390, 1000):
        page.set_viewport_size({"width": width, "height": 800})
        hidden = page.locator("#tabs").evaluate(
            "(tabs) => [tabs.scrollWidth - tabs.clientWidth, tabs.scrollHeight - tabs.clientHeight]"
        )
        assert hidden == [0, 0], width


def test_axe_would_find_something(visit):
    page = visit.page
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [violation[0] for violation in violations(page)] == ["image-alt"]
    page.evaluate("document.querySelector('#rank-line').style.color = '#888'")
    page.emulate_media(color_scheme="light")
    assert [violation[0] for violation in violations(page)] == ["color-contrast", "image-alt"]


def test_the_grid_by_keyboard(visit, page):
    first, second, *_ = visit.grid
    visit.button(first).focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUS) == [second, "like"]
    columns = page.locator("#grid").evaluate(
        "(grid) => getComputedStyle(grid).gridTemplateColumns.split(' ').length"
    )
    assert columns > 1
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUS) == [visit.grid[1 + columns], "like"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # there is nothing before the first
    assert page.evaluate(FOCUS) == [first, "like"]
    for key in ("Enter", "Space"):
        chosen, verdict = page.evaluate(FOCUS)
        with visit.reranked():
            page.keyboard.press(key)
        assert page.evaluate(FOCUS) == [chosen, verdict]  # the focus stays
        assert visit.button(chosen).get_attribute("aria-pressed") == "true"
        assert chosen not in visit.list
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == [visit.grid[2], "seen"]
    page.keyboard.press("End")
    assert page.evaluate(FOCUS)[1] == "seen"
    assert page.evaluate(FOCUS)[0] not in visit.grid[: 3 * columns]


def test_the_keys_for_search_and_undo(visit, page):
    first = visit.list
    page.keyboard.press("/")
    assert page.evaluate(FOCUS) == ["search", "search"]
    page.keyboard.type("u/matrix")
    expect(page.get_by_test_id("search")).to_have_value("u/matrix")
    page.get_by_test_id("search").fill("matrix")
    visit.tap(MATRIX)
    with visit.reranked():
        page.keyboard.press("u")
    assert visit.list == first
    assert visit.button(MATRIX).get_attribute("aria-pressed") == "false"


def test_the_focus_stays_where_a_listed_item_was_tapped(visit, page):
    place = 3
    item = visit.list[place]
    visit.button(item, "like", "recommendations").focus()
    with visit.reranked():
        page.keyboard.press("Enter")
    assert item not in visit.list
    assert page.evaluate(FOCUS) == [visit.list[place], "like"]


def test_the_focus_goes_on_from_one_end_of_the_years_to_the_other(visit, page):
    page.get_by_test_id("year-from").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("1960")
    with visit.reranked():
        page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)[1] == "year-to"


def test_one_sentence_is_said_of_each_tap(visit, page):
    live = page.get_by_test_id("live")
    assert live.get_attribute("role") == "status"
    assert live.inner_text() == ""
    top = "#recommendations > li:first-child .title"
    for verdict, said in (("like", "Liked"), ("seen", "Seen:"), ("dislike", "Not for you:")):
        visit.tap(EMPIRE, verdict)
        sentence = f"{said} Star Wars: Episode V - The Empire Strikes Back."
        expect(live).to_have_text(f"{sentence} Top: {page.locator(top).inner_text()}.")
    with visit.reranked():
        page.keyboard.press("u")
    expect(live).to_contain_text("Undone.")
    assert visit.button(EMPIRE, "seen").get_attribute("aria-pressed") == "true"
    name = visit.button(EMPIRE).get_attribute("aria-label")
    assert name == "Like Star Wars: Episode V - The Empire Strikes Back"


def test_the_tabs_and_the_skip_link_by_keyboard(visit):
    page = visit.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUS)[0] == "pick"
    page.get_by_test_id("tab-for-you").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUS) == ["tab-history", "tab-history"]
    expect(page.get_by_test_id("history")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("data")).to_be_visible()


def test_the_theme_is_chosen_and_remembered(visit, page):
    assert page.get_attribute("html", "data-theme") == "auto"
    page.get_by_test_id("theme").click()
    page.get_by_test_id("theme").click()
    visit.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_test_id("theme").click()
    assert page.evaluate(background) != dark
