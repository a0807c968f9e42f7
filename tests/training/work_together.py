"""Runs of several workers, for torchrun: work_together.py DATA, and a JSON object for each run.

{"folder": "..", "training": {..}, "model": {..}, "resume": false, "kill": [rank, step]}: that
worker kills itself in the progress report of that step, counted over epochs.
"""

import json
import os
import signal
import sys
from pathlib import Path

from small_world import make_config, run

from pocketrec.examples.shards import PreparedData
from pocketrec.training import loop
from pocketrec.training.distributed import join

loop.SAVE_SECONDS = -1.0  # a checkpoint after every step


def main():
    data = PreparedData.open(Path(sys.argv[1]))
    with join() as workers:
        for plan in map(json.loads, sys.argv[2:]):
            rank, step = plan.get("kill", (None, 0))
            steps = []

            def on_progress(progress, rank=rank, step=step, steps=steps):
                steps.append(progress)
                if workers.rank == rank and len(steps) == step:
                    os.kill(os.getpid(), signal.SIGKILL)

            run(
                data,
                Path(plan["folder"]),
                make_config(plan.get("model"), **plan.get("training", {})),
                resume=plan.get("resume", False),
                on_progress=on_progress,
                workers=workers,
            )


if __name__ == "__main__":
    main()
