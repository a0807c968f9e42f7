"""What torchrun starts in tests, of several workers.

train_together.py runs DATA PLAN ..: a run for each JSON object {"folder", "model", "training"};
train_together.py kill RANK STEP WORD ..: the command line, and death of the worker of that rank
before its step of that number, counted over epochs.
"""

import json
import os
import signal
import sys
from pathlib import Path

from small_world import make_config, run

from pocketrec.cli.main import main
from pocketrec.cli.train import make_score
from pocketrec.examples.shards import PreparedData
from pocketrec.models.scorer import ModelScorer
from pocketrec.training import loop
from pocketrec.training.distributed import join

loop.SAVE_SECONDS = -1.0  # a checkpoint after every step


def train_all(folder, plans):
    data = PreparedData.open(Path(folder))
    with join() as workers:
        for plan in map(json.loads, plans):
            config = make_config(plan["model"], **plan["training"])
            score = make_score(config, data, workers)

            def validate(model, score=score):
                return score(ModelScorer(model))

            run(data, Path(plan["folder"]), config, validate=validate, workers=workers)


def train_until(rank, step, words):
    train_step, calls = loop.train_step, 0

    def count(*arguments):
        nonlocal calls
        calls += 1
        if calls == int(step) and os.environ["RANK"] == rank:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_step(*arguments)

    loop.train_step = count
    sys.argv = ["pocketrec", *words]
    main()


if __name__ == "__main__":
    if sys.argv[1] == "runs":
        train_all(sys.argv[2], sys.argv[3:])
    else:
        train_until(sys.argv[2], sys.argv[3], sys.argv[4:])
