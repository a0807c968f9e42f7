"""The page's client library in a browser: what it refuses, what it makes loud, what it keeps."""

import json
import re
import shutil

import pytest

from support.page_visit import EMPIRE, MATRIX, films, replace
from support.small_shop import sign

ITEMS, MANIFEST = "bundle/items.json", "bundle/manifest.json"

pytestmark = pytest.mark.browser

CALLS = 2000
SLACK = 300_000
"""Bytes. Calls that left their tensors behind would take 16 MB."""

REFUSED = """async ([method, ...args]) => {
  const { openBundle, PocketrecError } = await import('./pocketrec.js');
  globalThis.films ??= await openBundle('bundle/', { wasm: 'wasm/' });
  try {
    return ['answered', await globalThis.films[method](...args)];
  } catch (error) {
    return [error instanceof PocketrecError && error.kind, error.message];
  }
}"""


def test_the_client_refuses_what_is_not_in_the_catalogue(page, server):
    page.goto(server.url + "licences.txt")
    unknown = films().items[-1].id + 1_000_000
    for call in (
        ["recommend", [unknown], {"strict": True}],
        ["recommend", [], {"strict": True, "blocked": [unknown]}],
        ["recommend", [0], {"strict": True}],
        ["recommend", [], {"k": len(films().items) + 1}],
        ["score", [], [unknown]],
        ["score", [], [-1]],
        ["adapt", unknown],
        ["explain", [], [unknown]],
    ):
        kind, message = page.evaluate(REFUSED, call)
        assert kind == "input", call
        assert re.search("unknown|more than the catalogue", message)
    for call in (["recommend", [unknown]], ["score", [EMPIRE], [MATRIX]]):
        assert page.evaluate(REFUSED, call)[0] == "answered"


def test_a_silent_failure_of_the_runtime_becomes_an_error(
    page, serve, built_page, fresh_shop, tmp_path
):
    """For an item that is not in the model's table, the runtime gives what its memory held."""
    folder = shutil.copytree(fresh_shop.bundle, tmp_path / "bundle")
    items = json.loads((folder / "items.json").read_text())
    (folder / "items.json").write_text(json.dumps([*items, {**items[0], "id": "ghost"}]))
    shapes = json.loads((folder / "manifest.json").read_text())["shapes"]
    sign(folder, shapes={**shapes, "items": len(items) + 1})
    served = serve(built_page, fresh_shop.bundle)
    for name in (ITEMS, MANIFEST):  # which Python would refuse
        replace(served, name, (tmp_path / name).read_bytes())
    page.goto(served.url + "licences.txt")
    assert page.evaluate(REFUSED, ["recommend", [items[0]["id"]]])[0] == "answered"
    kind, message = page.evaluate(REFUSED, ["recommend", ["ghost"]])
    assert kind == "runtime", message
    assert "ERROR" in message


MEMORIES = """globalThis.memories = [];
for (const name of ['instantiate', 'instantiateStreaming']) {
  const own = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const made = await own.apply(WebAssembly, args);
    const { exports } = made.instance ?? made;
    memories.push(...Object.values(exports).filter((one) => one instanceof WebAssembly.Memory));
    return made;
  };
}"""
"""So that the runtime's memory can be looked into."""

REACHED = """() => {
  const [{ buffer }] = globalThis.memories;
  return 4 * new Uint32Array(buffer).findLastIndex((word) => word !== 0);
}"""
"""Up to where the runtime has ever written: what is freed is used again, what leaks is not."""

OPEN = """async (keep) => {
  const { openBundle } = await import('./pocketrec.js');
  globalThis.films = await openBundle('bundle/', { wasm: 'wasm/' });
  (globalThis.kept ??= []).push(keep && globalThis.films);
}"""

RECOMMEND = """async ([times, keep]) => {
  const ids = films.items.map(({ id }) => id);
  const userVector = Array(films.shapes.dim).fill(0.1);
  for (let n = 0; n < times; n += 1) {
    const history = ids.slice(n % 50, (n % 50) + 20);
    const list = await films.recommend(history, { userVector, blocked: ids.slice(0, 5) });
    if (keep) (globalThis.lists ??= []).push(list);
  }
}"""


def test_memory_stays_flat_over_many_recommendations(page, context, server):
    page.add_init_script(MEMORIES)
    page.goto(server.url + "licences.txt")
    devtools = context.new_cdp_session(page)

    def memory():
        """Bytes of the page's own heap, and of the WebAssembly's."""
        devtools.send("HeapProfiler.collectGarbage")
        return devtools.send("Runtime.getHeapUsage")["usedSize"], page.evaluate(REACHED)

    page.evaluate(OPEN)
    page.evaluate(RECOMMEND, [200, False])
    before = memory()
    page.evaluate(RECOMMEND, [CALLS, False])
    after = memory()
    grown = [end - begin for begin, end in zip(before, after, strict=True)]
    assert max(grown) < SLACK, grown

    # What is kept is seen, in both.
    page.evaluate(RECOMMEND, [CALLS, True])
    page.evaluate(OPEN, True)
    grown = [end - begin for begin, end in zip(after, memory(), strict=True)]
    assert min(grown) > SLACK, grown
