"""Whether two versions of pocketrec make the same files of the same log, byte for byte.

    python benchmarks/same_files.py BEFORE AFTER [--encoders gru transformer ..]

BEFORE and AFTER are checkouts. Each prepares, trains, exports, adds items and evaluates one small
made-up log by its own command line, with this Python. What differs is printed: a file by its name,
a manifest by its keys. Times, and hashes of what was renamed on purpose, are expected to differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthetic import make_world

QUICK = ("epochs=2", "batch_labels=256", "threads=1")
LOOSE = ("max_ndcg_loss=0.99", "min_overlap=0.01")
KINDS = ("float32", "int4", "pq")
VOLATILE = {"latency_ms", "seconds"}


def settings(section: str, *values: str) -> list[str]:
    """Words of the command line for settings of one section."""
    return [word for value in values for word in ("--set", f"{section}.{value}")]


def make(checkout: Path, config: Path, folder: Path, encoders: list[str]) -> None:
    """Go all the way with the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}

    def run(*words: str | Path) -> str:
        command = [sys.executable, "-m", "pocketrec", *map(str, words), "--quiet"]
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    folder.mkdir()
    run("prepare", config, "--out", "data", *settings("data", "buckets=3"))
    for encoder in encoders:
        model = settings("model", f"encoder={encoder}", "max_length=12", "dim=16")
        train = settings("training", *QUICK)
        run("train", config, "--data", "data", "--out", f"run-{encoder}", *model, *train)
        run("export", f"run-{encoder}", "--out", f"int8-{encoder}", *settings("export", *LOOSE))
    last = f"run-{encoders[-1]}"
    for kind in KINDS:
        gates = settings("export", *LOOSE, f"quantization={kind}")
        run("export", last, "--out", kind, *gates)
    (folder / "new.csv").write_text("id,title,topic,series\n100001,New,1,2\n100002,Newer,3,4\n")
    run("add-items", f"int8-{encoders[0]}", "new.csv", "--out", "added")
    report = run("evaluate", f"int8-{encoders[0]}", "--data", "data", "--json")
    (folder / "report.json").write_text(report)


def differences(before: Path, after: Path) -> Iterator[str]:
    """What is not the same in two folders, a line each."""
    names = {p.relative_to(before) for p in before.rglob("*") if p.is_file()}
    names |= {p.relative_to(after) for p in after.rglob("*") if p.is_file()}
    for name in sorted(names):
        if "tensorboard" in name.parts or name.name == "metrics.jsonl":
            continue
        one, other = before / name, after / name
        if not (one.exists() and other.exists()):
            yield f"{name}: only {'before' if one.exists() else 'after'}"
        elif one.read_bytes() != other.read_bytes():
            yield str(name)
            if name.suffix == ".json":
                yield from _keys(json.loads(one.read_text()), json.loads(other.read_text()))


def _keys(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key in VOLATILE:
                continue
            if key not in other or key not in one:
                yield f"    {path}/{key}: only {'before' if key in one else 'after'}"
            else:
                yield from _keys(one[key], other[key], f"{path}/{key}")
    elif one != other:
        yield f"    {path}: {str(one)[:60]} -> {str(other)[:60]}"


def main() -> None:
    """Make both and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--encoders", nargs="+", default=["gru", "transformer", "bow"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        world = Path(scratch) / "log"
        world.mkdir()
        make_world(world, 300, 400, 20)
        config = world / "world.toml"
        # Older versions call this key something else; the default is the same in all.
        config.write_text(config.read_text().replace("successors = 0\n", ""))
        for name in ("before", "after"):
            checkout = getattr(arguments, name).resolve()
            make(checkout, config, Path(scratch) / name, arguments.encoders)
        lines = list(differences(Path(scratch) / "before", Path(scratch) / "after"))
    print("\n".join(lines) or "all files are the same")


if __name__ == "__main__":
    main()
