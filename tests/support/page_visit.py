"""A visitor of the page: what they see, what they tap, and how the page says that it is done.

The page tells all that there is to wait for in attributes of <html>: `data-state`, `data-offline`
and `data-rank`, which counts the lists that it has shown.
"""

import hashlib
from contextlib import contextmanager
from functools import cache

from pocketrec.app.site import Body, Resource
from pocketrec.runtime import Recommender
from support.patience import HANG_SECONDS

EMPIRE, JEDI, MATRIX = "1196", "1210", "2571"
"""Popular films."""
NO_WORKER = {"service_workers": "block"}
"""A module's CONTEXT: no files for later, which take a while; test_page_offline.py has them."""
QUICK = {**NO_WORKER, "reduced_motion": "reduce"}

STORED = """async () => {
  const opening = indexedDB.open('pocketrec', 1);
  const database = await new Promise((resolve, reject) => {
    opening.onupgradeneeded = () => opening.transaction.abort();
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => resolve(null);
  });
  if (!database) return [];
  const reading = database.transaction('records').objectStore('records').getAll();
  await new Promise((resolve) => (reading.onsuccess = resolve));
  database.close();
  return reading.result;
}"""

UNTIL_STORED = f"""async (wanted) => {{
  const stored = {STORED};
  for (let tries = 0; tries < {50 * HANG_SECONDS:.0f}; tries += 1) {{
    const events = (await stored()).flatMap(({{ state }}) => state.events);
    if (events.length === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }}
  throw new Error(`not ${{wanted}} events were stored`);
}}"""


@cache
def films() -> Recommender:
    """The pretrained films in Python, beside which the page is held."""
    return Recommender.load("movielens-1m")


class Visit:
    """One tab. `complaints` are what the browser's console called errors, and what was thrown."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message):
        # LiteRT.js looks for a graphics processor before it takes the WebAssembly.
        if message.type == "error" and "WebGPU" not in message.text:
            self.complaints.append(message.text)

    def open(self, search=""):
        """Go to the page and wait for the first list."""
        self.page.goto(self.url + search)
        return self.ready()

    def reload(self):
        self.page.reload()
        return self.ready()

    def ready(self):
        self.page.wait_for_selector("html[data-state=ready]")
        return self

    def kept_offline(self):
        """Wait until the next visit needs no network."""
        self.page.wait_for_selector("html[data-offline=ready]")
        return self

    def error(self):
        """Wait until the page says that it cannot open its bundle; gives the sentence."""
        self.page.wait_for_selector("html[data-state=failed]")
        return self.page.get_by_test_id("error").inner_text()

    @contextmanager
    def reranked(self):
        """Do something, and wait for the list that follows it."""
        before = self.page.get_attribute("html", "data-rank")
        yield
        self.page.wait_for_selector(f"html:not([data-rank='{before}'])")

    def tap(self, item, verdict="like", within="grid"):
        """Press an item's button, in the grid or in the "recommendations"."""
        with self.reranked():
            self.button(item, verdict, within).click()

    def button(self, item, verdict="like", within="grid"):
        return self.page.locator(f"#{within} > [data-id='{item}'] [data-verdict='{verdict}']")

    def search(self, words):
        self.page.get_by_test_id("search").fill(words)

    def limit(self, field, value):
        """Type into one end of a range: "year-from", "year-to"."""
        with self.reranked():
            self.page.get_by_test_id(field).fill(value)
            self.page.get_by_test_id(field).press("Enter")

    def show(self, panel):
        """Open a panel: "for-you", "history" or "data"."""
        self.page.get_by_test_id(f"tab-{panel}").click()

    def banner(self, name):
        """Wait for a banner; gives what it says."""
        return self.page.locator(f".banner[data-name='{name}'] p").inner_text()

    @property
    def list(self):
        """Ids of the recommendations, as text, best first."""
        return self._ids("recommendations")

    @property
    def grid(self):
        """Ids of the first page of the grid."""
        return self._ids("grid")

    def _ids(self, name):
        return self.page.locator(f"#{name} > li").evaluate_all(
            "(cards) => cards.map((card) => card.dataset.id)"
        )

    def stored(self):
        """The records in the browser's storage."""
        return self.page.evaluate(STORED)

    def until_stored(self, events):
        """Wait until so many events are in the browser's storage."""
        self.page.evaluate(UNTIL_STORED, events)


def replace(served, name, content):
    """Let a server answer with another file from now on; None is no such file."""
    path = f"/{name}"
    if content is None:
        del served.server.paths[path]
    else:
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        kind = served.site[name].type
        served.server.paths[path] = Resource(kind, {"identity": Body(content, tag)})
