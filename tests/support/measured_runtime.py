"""What is done many times, in a process of its own whose memory is then that of the doing alone.

    python measured_runtime.py open BUNDLE COUNT KEPT     open, ask and drop a bundle
    python measured_runtime.py taps BUNDLE COUNT KEPT     a history one event longer at each call
    python measured_runtime.py likes BUNDLE COUNT KEPT    one user's words
    python measured_runtime.py serve FOLDER KEPT          a site, until it is killed

KEPT bytes are kept at each turn, on purpose: so large a leak has to be seen. Prints JSON.
"""

import gc
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

KEPT = []


def keep(size):
    if size:
        KEPT.append(b"x" * size)


def memory(process="self"):
    """Bytes of a process that are in memory."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def open_many(bundle, count, kept):
    from pocketrec.runtime import Recommender

    def turn():
        recommender = Recommender.load(bundle)
        assert recommender.recommend([recommender.items[0].id], k=3)

    for _ in range(50):
        turn()
    files, before = descriptors(), memory()
    for _ in range(count):
        turn()
        keep(kept)
    return {"grown": memory() - before, "files": descriptors() - files}


def in_turn(*acts, turns=60):
    """The processor's time of one call of each; called in turn, as a busy machine slows all."""
    seconds = [[] for _ in acts]
    for n in range(turns):
        for act, own in zip(acts, seconds, strict=True):
            begin = time.process_time()
            act(n)
            own.append(time.process_time() - begin)
    return [statistics.median(own) for own in seconds]


def tap_many(bundle, count, kept):
    from pocketrec.runtime import Event, Recommender

    recommender = Recommender.load(bundle)
    ids = [item.id for item in recommender.items]
    # The history is there before anything is measured, and so are the largest arrays.
    history = [Event(ids[n % len(ids)], 1_000_000_000 + 60 * n) for n in range(count)]
    for _ in range(20):
        recommender.recommend(history, k=10)
    gc.collect()
    before, checked = memory(), 0
    for taps in range(1, count + 1):
        lines = recommender.recommend(history[:taps], k=10)
        keep(kept)
        if taps % (count // 10) == 0:
            check_list(recommender, history[:taps], lines)
            checked += 1
    gc.collect()
    grown = memory() - before
    half, whole = in_turn(
        lambda _: recommender.recommend(history[: count // 2], k=10),
        lambda _: recommender.recommend(history, k=10),
    )
    shapes = recommender.bundle.spec.shapes
    return {
        "grown": grown,
        "checked": checked,
        "half": half,
        "whole": whole,
        "beyond": [count - shapes.length, min(count, len(ids)) - shapes.length - shapes.blocked],
    }


def check_list(recommender, history, lines):
    """The best ten of all that may be shown, by their scores."""
    seen = {event.id for event in history} if recommender.bundle.spec.exclude_seen else set()
    left = [item.id for item in recommender.items if item.id not in seen]
    scores = recommender.score(history, left)
    best = sorted(range(len(left)), key=lambda n: (-scores[n], n))[:10]
    assert len(lines) == len(best)
    for line, place in zip(lines, best, strict=True):
        assert abs(line.score - scores[place]) < 1e-4
        assert line.id == left[place] or abs(scores[left.index(line.id)] - scores[place]) < 1e-4


def like_many(bundle, count, kept):
    from pocketrec.runtime import Personal, Recommender, RolledBackWarning

    warnings.simplefilter("ignore", RolledBackWarning)
    recommender = Recommender.load(bundle)
    personal, beginner = Personal(recommender), Personal(recommender)
    ids = [item.id for item in recommender.items]

    def turn(n, user=personal):
        word = (user.like, user.seen, user.dislike)[n % 7 % 3]
        word(ids[n * 7 % len(ids)])
        if n % 11 == 0:
            user.undo()

    for n in range(count // 4):
        turn(n)
        turn(n, beginner)
    gc.collect()
    before = memory()
    for n in range(count):
        turn(n)
        keep(kept)
    gc.collect()
    grown = memory() - before
    first, last = in_turn(lambda n: turn(n, beginner), turn, turns=count // 10)
    return {
        "grown": grown,
        "first": first,
        "last": last,
        "undone": sum(personal.undo() for _ in range(100)),
    }


def serve(folder, kept):
    from pocketrec.app.server import listen
    from pocketrec.app.site import read_page

    with listen(read_page(Path(folder)), "127.0.0.1", 0, lambda *_: keep(kept)) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    what, where, *numbers = sys.argv[1:]
    acts = {"open": open_many, "taps": tap_many, "likes": like_many, "serve": serve}
    sys.stdout.write(json.dumps(acts[what](where, *map(int, numbers))))
