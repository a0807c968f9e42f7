"""A process that may open no socket, in Python or below, does what its words say.

    python without_sockets.py GUARD runtime BUNDLE USER_FILE    all that an app may call
    python without_sockets.py GUARD command BUNDLE WORD...      pocketrec recommend
    python without_sockets.py GUARD socket | connect | c        what is forbidden

GUARD is "seccomp": the kernel kills the process by SIGSYS at the call; or "audit", where there is
no seccomp: Python's own sockets end in SIGKILL. It leaves with 77 where the guard cannot be had.
"""

import ctypes
import os
import platform
import signal
import socket
import struct
import sys

# Architecture, then the numbers of socket, socketpair and connect.
CALLS = {"x86_64": (0xC000003E, 41, 53, 42), "aarch64": (0xC00000B7, 198, 199, 203)}
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
KILL, ALLOW = 0x80000000, 0x7FFF0000


def forbid_by_seccomp():
    """Of this thread, and of all threads and processes that it starts from now on."""
    architecture, *calls = CALLS.get(platform.machine(), [None])
    if sys.platform != "linux" or architecture is None:
        sys.exit(77)
    program = [
        (LOAD, 0, 0, 4),
        (JUMP_IF_EQUAL, 0, len(calls) + 2, architecture),  # of another one, all is forbidden
        (LOAD, 0, 0, 0),
        *[(JUMP_IF_EQUAL, len(calls) - n, 0, call) for n, call in enumerate(calls)],
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, KILL),
    ]
    lines = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(lines)
    head = struct.pack("HL", len(program), ctypes.addressof(held))  # aligned as C has it
    prctl = ctypes.CDLL(None).prctl
    if prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or prctl(SET_SECCOMP, FILTER, head, 0, 0):
        sys.exit(77)


def forbid_by_audit():
    def audit(event, _):
        if event.startswith("socket."):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


def use_runtime(bundle, file):
    from pocketrec.runtime import Event, Personal, Recommender

    recommender = Recommender.load(bundle, threads=2)
    ids = [item.id for item in recommender.items]
    history = [Event(id_, 1_700_000_000 + place) for place, id_ in enumerate(ids[:10])]
    assert recommender.recommend(history, k=5, now=1_800_000_000)
    assert recommender.recommend([], k=len(ids))
    assert recommender.score(history, ids)
    assert recommender.explain(history, ids[:2])
    personal = Personal(recommender)
    personal.like(ids[0])
    personal.dislike(ids[1])
    personal.save(file)
    assert Personal.restore(recommender, file).recommend(k=3) == personal.recommend(k=3)
    assert Recommender.load("movielens-1m").recommend([])


def use_command(*words):
    from pocketrec.cli.main import main

    sys.argv = ["pocketrec", "recommend", *words]
    main()


def main():
    guard, what, *words = sys.argv[1:]
    held = socket.socket() if what == "connect" else None
    {"seccomp": forbid_by_seccomp, "audit": forbid_by_audit}[guard]()
    match what:
        case "runtime":
            use_runtime(*words)
        case "command":
            use_command(*words)
        case "socket":
            socket.socket()
        case "connect":
            held.connect_ex(("127.0.0.1", 9))
        case "c":
            ctypes.CDLL(None).socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
