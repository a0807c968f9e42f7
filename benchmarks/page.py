"""What the page costs a visitor: to the first list, at each tap, over the wire, and in memory.

    python benchmarks/page.py [BUNDLE] [--visits 7] [--taps 200] [--json]

Headless Chromium opens what `pocketrec serve` serves, on loopback:

- cold start: from the navigation to the first recommendations, in a fresh browser
  context (the browser itself is running); median of all visits.
- from cache: the same after a reload, which the service worker answers.
- re-rank: the model's work at a tap, as the page shows it; all items are scored.
- tap: from the press of "like" to the new list in the document: learning, its guard, re-rank.
- over the wire: bytes of the answers to a first visit. "worker" is what the service worker asks
  for to keep the page for later: for most files only whether they changed.
- memory: JavaScript's heap after garbage collection, and the runtime's, after all taps.

The bars of a first list are 1 s cold and 0.3 s from cache, of a re-rank 2 ms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from browser import BROWSER, SWITCHES, machine, served

FIRST_LIST = "performance.getEntriesByName('first-recommendations')[0].startTime"

MEMORIES = """globalThis.memories = [];
for (const name of ['instantiate', 'instantiateStreaming']) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...inputs) => {
    const made = await original.apply(WebAssembly, inputs);
    const { exports } = made.instance ?? made;
    memories.push(...Object.values(exports).filter((one) => one instanceof WebAssembly.Memory));
    return made;
  };
}"""

TAP = """() => new Promise((done) => {
  const { documentElement: html } = document;
  const begin = performance.now();
  const observer = new MutationObserver(() => {
    observer.disconnect();
    done([Number(html.dataset.rankMs), performance.now() - begin]);
  });
  observer.observe(html, { attributeFilter: ['data-rank'] });
  document.querySelector('#recommendations [data-verdict=like]').click();
})"""


@contextmanager
def fresh(browser: Browser) -> Iterator[tuple[BrowserContext, Page]]:
    """Open a tab in a fresh context, without cache or storage."""
    context = browser.new_context()
    try:
        yield context, context.new_page()
    finally:
        context.close()


def measure_start(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds from the navigation to the first list: cold, and from cache."""
    with fresh(browser) as (_, page):
        page.goto(url)
        page.wait_for_selector("html[data-state=ready]")
        cold = page.evaluate(FIRST_LIST)
        page.wait_for_selector("html[data-offline=ready]")
        page.reload()
        page.wait_for_selector("html[data-state=ready]")
        return cold, page.evaluate(FIRST_LIST)


def measure_wire(browser: Browser, url: str) -> dict[str, int]:
    """Bytes of all answers to a first visit, heads included, by what they are for."""
    answered: list[Request] = []
    with fresh(browser) as (context, page):
        context.on("requestfinished", lambda request: answered.append(request))
        page.goto(url)
        page.wait_for_selector("html[data-offline=ready]")
        arrived = dict.fromkeys(("page", "runtime", "bundle", "worker"), 0)
        for request in answered:
            folder = request.url.removeprefix(url).partition("/")[0]
            kind = {"wasm": "runtime", "bundle": "bundle"}.get(folder, "page")
            sizes = request.sizes()
            size = sizes["responseBodySize"] + sizes["responseHeadersSize"]
            arrived["worker" if request.service_worker else kind] += size
    return arrived


def measure_taps(
    browser: Browser, url: str, taps: int
) -> tuple[list[tuple[float, float]], dict[str, int]]:
    """Milliseconds of each re-rank and each tap, and bytes of memory after all of them."""
    with fresh(browser) as (context, page):
        page.add_init_script(MEMORIES)
        page.goto(url)
        page.wait_for_selector("html[data-offline=ready]")
        times = [page.evaluate(TAP) for _ in range(taps)]
        devtools = context.new_cdp_session(page)
        devtools.send("HeapProfiler.collectGarbage")
        memory = {
            "javascript": int(devtools.send("Runtime.getHeapUsage")["usedSize"]),
            "runtime": page.evaluate("memories.reduce((sum, m) => sum + m.buffer.byteLength, 0)"),
        }
    return times, memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", nargs="?", default="movielens-1m", help="folder or name")
    parser.add_argument("--visits", type=int, default=7, help="first visits, each with a reload")
    parser.add_argument("--taps", type=int, default=200, help="likes, each of the list's first")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()

    with served(arguments.bundle) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=SWITCHES)
        version = browser.version
        measure_start(browser, url)  # the browser's own first page is slower
        starts = [measure_start(browser, url) for _ in range(arguments.visits)]
        wire = measure_wire(browser, url)
        taps, memory = measure_taps(browser, url, arguments.taps)
        browser.close()

    cold, cached = zip(*starts, strict=True)
    ranks, changes = zip(*taps, strict=True)
    times = {"cold start": cold, "from cache": cached, "re-rank": ranks, "tap": changes}
    rows = {}
    for name, samples in times.items():
        p50, p95 = np.percentile(samples, [50, 95])
        rows[name] = {"times": len(samples), "p50": round(p50, 2), "p95": round(p95, 2)}
    result = {
        "bundle": Path(arguments.bundle).name,
        "machine": f"{machine()}, Chromium {version}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "milliseconds": rows,
        "bytes": wire | {"all": sum(wire.values())},
        "memory": memory,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['bundle']}, {result['machine']}, {result['date']}\n")
    print("| | times | p50 ms | p95 ms |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['times']} | {row['p50']:.1f} | {row['p95']:.1f} |")
    parts = ", ".join(f"{kind} {size / 1e3:,.0f} KB" for kind, size in wire.items())
    print(f"\nover the wire: {sum(wire.values()) / 1e6:.2f} MB ({parts})")
    print(
        f"memory after {arguments.taps} taps: {memory['javascript'] / 1e6:.1f} MB JavaScript, "
        f"{memory['runtime'] / 1e6:.1f} MB runtime"
    )


if __name__ == "__main__":
    main()
