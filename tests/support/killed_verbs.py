"""Run commands that are killed: `python -m support.killed_verbs < PLAN`, a JSON object a line.

It answers one number a line.

{"words": [..], "folder": "..", "event": N}     SIGKILL before the N-th touch of something in folder
{"words": [..], "folder": "..", "seconds": T}   SIGKILL after so many seconds
{"words": [..], "folder": "..", "event": 0}     no kill: the number is how many touches there are

A touch is what Python does to files: open, rename, mkdir, unlink, exchange. Each command is a
fork of this process, which has imported everything and done nothing, so that kills hit work and
not imports. The number is that of touches; of a killed command it is 0, and of one that was too
quick -1. The converter, whose seconds touch no file of ours, answers once for all commands.
"""

import json
import os
import signal
import sys
import time

import ai_edge_quantizer  # noqa: F401
import litert_torch  # noqa: F401
import polars  # noqa: F401
import torch.utils.tensorboard  # noqa: F401

from pocketrec.cli.main import main
from pocketrec.conversion import quantize  # noqa: F401
from pocketrec.export import build
from pocketrec.new_items import add_items  # noqa: F401
from support.small_shop import convert_shop

TOUCHES = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "ctypes.dlsym")


def run(words, folder, event) -> int:
    """The command in this process, with a kill before its touch of that number."""
    count = 0

    def touch(name, arguments):
        nonlocal count
        if name not in TOUCHES:
            return
        path = arguments[1] if name == "ctypes.dlsym" else arguments[0]
        inside = path == "renameat2" or str(path).startswith(folder)
        # Of files that are opened those that are written.
        if name == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if inside:
            count += 1
            if count == event:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(touch)
    sys.argv = ["pocketrec", *words]
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        main()
    except SystemExit as leave:
        if leave.code:
            raise
    return count


def child(plan, pipe):
    code = 1
    try:
        count = run(plan["words"], plan["folder"], plan.get("event", 0))
        os.write(pipe, str(count).encode())
        code = 0
    finally:
        os._exit(code)


def answer(plan) -> int:
    inside, outside = os.pipe()
    if not (pid := os.fork()):
        os.close(inside)
        child(plan, outside)
    os.close(outside)
    if "seconds" in plan:
        time.sleep(plan["seconds"])
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = os.read(inside, 20)
    os.close(inside)
    if code == -signal.SIGKILL:
        return 0
    if code:
        sys.exit(f"{plan} ended with {code}")
    return -1 if plan.get("event", 1) else int(said)


if __name__ == "__main__":
    build.convert = convert_shop
    for line in sys.stdin:
        print(answer(json.loads(line)), flush=True)  # noqa: T201
