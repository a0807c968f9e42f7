"""Train and die: python killed_training.py DATA and any number of FOLDER HOW NUMBER.

HOW is "step": SIGKILL in the progress report of that step, counted over epochs; "write": SIGKILL
in the middle of that checkpoint's or manifest's writing. Each death is that of a fork.
"""

import os
import signal
import sys
from pathlib import Path

import torch
import torch.utils.tensorboard  # once, not in each fork

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script

from pocketrec.preparation.data import PreparedData
from support.small_world import EVERY_STEP, make_config, run


def die_at(number):
    """A function that kills this process at its call of that number."""
    calls = 0

    def count(*_):
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def main():
    torch.set_num_threads(1)
    rest = sys.argv[2:]
    for folder, how, number in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
                sys.exit(f"{folder} {how} {number} was not killed")
            continue
        progress = None
        if how == "step":
            progress = die_at(int(number))
        else:
            os.fsync = die_at(int(number))
        data = PreparedData.open(Path(sys.argv[1]))  # Polars' threads do not survive a fork
        run(data, Path(folder), make_config(), on_progress=progress, save_seconds=EVERY_STEP)
        os._exit(0)


if __name__ == "__main__":
    main()
