"""Run commands of ours from a benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def pocketrec(*arguments: str | Path) -> str:
    """What a command prints; the benchmark ends with the error of one that fails."""
    command = [sys.executable, "-m", "pocketrec", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {done.returncode}")
    return done.stdout


def ask(*arguments: str | Path) -> Any:
    """The JSON that a command prints with --json."""
    return json.loads(pocketrec(*arguments, "--json"))
