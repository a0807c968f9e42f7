"""What is damaged, missing or refused is said in a sentence, and nothing that was kept is lost."""

import json

import pytest
from playwright.sync_api import expect

from support.page_visit import EMPIRE, MATRIX, QUICK, Visit, replace

pytestmark = pytest.mark.browser

MODEL, ITEMS, MANIFEST = "bundle/model.tflite", "bundle/items.json", "bundle/manifest.json"


def flipped(content):
    """The content with its middle bit changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "a bit of the model": (MODEL, flipped, "'model.tflite' is not the file its manifest describes"),
    "a short model": (MODEL, lambda content: content[:-1], "'model.tflite' has another size"),
    "no model": (MODEL, lambda _: None, "model.tflite' is not there (HTTP 404)"),
    "an empty model": (MODEL, lambda _: b"", "'model.tflite' has another size"),
    "a bit of the items": (ITEMS, flipped, "'items.json' is not the file its manifest describes"),
    "long items": (ITEMS, lambda content: content + b" ", "'items.json' has another size"),
    "a bit of the manifest": (MANIFEST, flipped, "manifest.json' "),
    "half a manifest": (MANIFEST, lambda content: content[:9000], "'manifest.json' cannot be read"),
    "another kind": (MANIFEST, lambda _: b'{"kind": "run"}', "this is not a bundle"),
}


@pytest.fixture
def visit(browser, server):
    """Somebody with two taps, whose browser keeps no files: each visit gets what is served."""
    context = browser.new_context(**QUICK)
    visit = Visit(context.new_page(), server.url).open()
    visit.tap(EMPIRE)
    visit.tap(MATRIX, "dislike")
    visit.until_stored(2)
    yield visit
    context.close()


def test_damaged_files_are_told_and_nothing_is_lost(visit, server):
    stored = visit.stored()
    for damage, (name, change, sentence) in DAMAGES.items():
        sound = server.site[name].bodies["identity"].content
        replace(server, name, change(sound))
        visit.page.reload()
        said = visit.error()
        assert sentence.lower() in said.lower(), damage
        assert visit.page.get_by_test_id("error").get_attribute("role") == "alert"
        assert visit.stored() == stored, damage
        replace(server, name, sound)
    visit.page.get_by_test_id("again").click()
    visit.ready()
    assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"
    assert not {EMPIRE, MATRIX} & set(visit.list)


def test_a_runtime_that_does_not_arrive_is_told_and_tried_again(visit, server):
    wasm = "wasm/litert_wasm_internal.wasm"
    sound = server.site[wasm].bodies["identity"].content
    for content in (None, sound[:1000]):
        replace(server, wasm, content)
        visit.page.reload()
        assert "The runtime did not arrive" in visit.error()
        replace(server, wasm, sound)
    visit.page.get_by_test_id("again").click()
    visit.ready()
    assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"


def test_an_open_page_needs_no_server(visit, server):
    server.stop()
    try:
        visit.show("data")
        visit.tap("260")
        visit.until_stored(3)
    finally:
        server.start()


def test_the_bundle_that_is_kept_offline_outlives_a_damaged_server(page, server):
    visit = Visit(page, server.url).open().kept_offline()
    replace(server, MODEL, b"no model")
    visit.reload()
    assert visit.list
    replace(server, MANIFEST, None)
    visit.reload()
    assert visit.list


def test_another_site_is_no_place_for_a_bundle(page, server):
    visit = Visit(page, server.url)
    page.goto(server.url + "?bundle=http://127.0.0.1:9/bundle/")
    assert "on another site" in visit.error()
    page.goto(server.url + "?bundle=nothing/")
    assert "nothing/manifest.json' is not there (HTTP 404)" in visit.error()
    page.get_by_text("Open the bundle that comes with the page").click()
    visit.ready()
    assert visit.list


def test_unknown_items_of_an_imported_file_are_told_and_the_others_kept(visit, tmp_path):
    state = visit.stored()[0]["state"]
    stranger = {"id": 999_999, "verdict": "like", "time": None}
    state["events"] = [stranger, *state["events"], {"id": None}, 5]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"pocketrec": "personal data", "about": {}, "state": state}))
    page = visit.page
    visit.show("data")
    with visit.reranked():
        page.get_by_test_id("import-file").set_input_files(file)
    assert "3 events of unknown items left out" in visit.banner("import")
    visit.until_stored(2)
    assert visit.button(EMPIRE).get_attribute("aria-pressed") == "true"


REFUSED = {
    "{": "it is not JSON",
    "[]": "it has no events",
    '{"state": {"events": [], "format": 7}}': "format 7, where 1 is expected",
    '{"format": 1, "events": [{"id": 260, "verdict": "love"}]}': "do not all have an id",
}


def test_files_that_are_no_export_are_refused_and_nothing_is_lost(visit, tmp_path):
    stored, shown = visit.stored(), visit.list
    visit.show("data")
    for text, sentence in REFUSED.items():
        (tmp_path / "other.json").write_text(text)
        visit.page.get_by_test_id("import-file").set_input_files(tmp_path / "other.json")
        expect(visit.page.locator(".banner[data-name='problem']")).to_contain_text(sentence)
        assert (visit.stored(), visit.list) == (stored, shown)
