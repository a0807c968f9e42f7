"""A list on the device beside the same list from a server: what a tap waits for.

    python benchmarks/server.py [BUNDLE] [--taps 50] [--rounds 4] [--json]

A user likes one item after another, the most popular first, and after each tap asks for ten:

- on the device: `Recommender.recommend` in this process.
- from a server on this machine: the same Recommender in another process, behind an HTTP/1.1
  endpoint with JSON, on a connection that is kept open; measured at the client.
- from a server 50 ms away: the same endpoint behind a proxy that delays each byte by 25 ms each
  way. Connecting, DNS and TLS cost nothing here, and no packets are lost.
- in the page: what `pocketrec serve` serves, in headless Chromium, from the tap's ranking to the
  list. Left out where the page is not built or the browser is not installed.

The first three are measured in turn at each tap, so that noise of the machine affects all alike.
Everything stays on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from browser import BROWSER, LOOPBACK, SWITCHES, machine, served
from pocketrec.app.site import PAGE
from pocketrec.runtime import Event, Recommender

K = 10
ONE_WAY = 0.025  # seconds

History = list[dict[str, Any]]


def recommend(recommender: Recommender, history: History, now: float) -> list[dict[str, Any]]:
    """The list, in the form of the JSON answer."""
    events = [Event(event["id"], event["time"]) for event in history]
    return [line.to_json() for line in recommender.recommend(events, k=K, now=now)]


def run_endpoint(tell: Connection, bundle: str) -> None:
    """Answer POST {"history": [..], "now": ..} with the list; sends its port to the parent."""
    recommender = Recommender.load(bundle)

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(recommend(recommender, asked["history"], asked["now"])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Endpoint)
    tell.send(server.server_port)
    server.serve_forever()


def run_network(tell: Connection, port: int, seconds: float) -> None:
    """Forward bytes to the port and back, each delayed by `seconds`; sends its own port."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send what is read when it is due, and go on reading meanwhile."""
        loop = asyncio.get_running_loop()
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            chunk = b"more"
            while chunk:
                due, chunk = await underway.get()
                await asyncio.sleep(due - loop.time())
                writer.write(chunk)
                await writer.drain()
            writer.close()

        delivering = asyncio.create_task(deliver())
        chunk = b"more"
        while chunk:
            chunk = await reader.read(1 << 16)
            underway.put_nowait((loop.time() + seconds, chunk))
        await delivering

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))

    async def serve() -> None:
        server = await asyncio.start_server(connect, LOOPBACK, 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def process(run: Callable[..., None], *arguments: Any) -> Iterator[int]:
    """Start `run` in its own process; yield the port that it reports."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=run, args=(sender, *arguments), daemon=True)
    child.start()
    sender.close()  # with our copy closed, recv raises EOFError if the child dies
    try:
        yield receiver.recv()
    finally:
        child.terminate()
        child.join()


def from_server(connection: http.client.HTTPConnection, history: History, now: float) -> Any:
    """The list that the endpoint gives."""
    body = json.dumps({"history": history, "now": now})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def measure_python(bundle: str, taps: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by where the list comes from."""
    recommender = Recommender.load(bundle)
    with (
        process(run_endpoint, bundle) as port,
        process(run_network, port, ONE_WAY) as distant,
    ):
        near, far = (http.client.HTTPConnection(LOOPBACK, n, timeout=30) for n in (port, distant))
        ways: dict[str, Callable[[History, float], Any]] = {
            "on the device, in Python": lambda *asked: recommend(recommender, *asked),
            "server on this machine": lambda *asked: from_server(near, *asked),
            "server 50 ms away": lambda *asked: from_server(far, *asked),
        }
        for ask in ways.values():  # connects, and warms up
            ask([], time.time())
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            history: History = []
            for item in recommender.items[:taps]:
                now = time.time()
                history.append({"id": item.id, "time": now})
                answers = []
                for name, ask in ways.items():
                    begin = time.perf_counter()
                    answers.append(ask(history, now))
                    times[name].append((time.perf_counter() - begin) * 1e3)
                if answers[1:] != answers[:-1]:
                    raise SystemExit("the server gives another list than the device")
        near.close()
        far.close()
    return times


def measure_page(bundle: str, taps: int) -> list[float]:
    """Milliseconds of each re-rank in the page, as the page itself shows them."""
    from playwright.sync_api import sync_playwright

    times = []
    with served(bundle) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=SWITCHES)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("html[data-state=ready]")
        cards = page.get_by_test_id("card")
        for n in range(taps):
            before = page.get_attribute("html", "data-rank")
            cards.nth(n).scroll_into_view_if_needed()
            cards.nth(n).locator("[data-verdict=like]").click()
            page.wait_for_selector(f"html:not([data-rank='{before}'])")
            times.append(float(page.get_attribute("html", "data-rank-ms") or "nan"))
        browser.close()
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", nargs="?", default="movielens-1m", help="folder or name")
    parser.add_argument("--taps", type=int, default=50, help="items liked, one after another")
    parser.add_argument("--rounds", type=int, default=4, help="how often from the start, in Python")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()

    times = measure_python(arguments.bundle, arguments.taps, arguments.rounds)
    left_out = []
    if not (PAGE / "index.html").is_file():
        left_out.append("the page, which is not built: make page")
    elif shutil.which(BROWSER) is None:
        left_out.append(f"the page, because the browser is missing: {BROWSER}")
    else:
        times["on the device, in the page"] = measure_page(arguments.bundle, arguments.taps)
    ways = {}
    for name, samples in times.items():
        p50, p95 = np.percentile(samples, [50, 95])
        ways[name] = {"calls": len(samples), "p50": round(p50, 3), "p95": round(p95, 3)}
    result = {
        "bundle": Path(arguments.bundle).name,
        "machine": machine(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "milliseconds": ways,
        "left_out": left_out,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['bundle']}, {result['machine']}, {result['date']}\n")
    print("| the list comes from | calls | p50 ms | p95 ms |\n|---|---|---|---|")
    for name, row in ways.items():
        print(f"| {name} | {row['calls']} | {row['p50']:.2f} | {row['p95']:.2f} |")
    for sentence in left_out:
        print(f"\nleft out: {sentence}")


if __name__ == "__main__":
    main()
