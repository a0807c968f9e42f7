"""What torchrun starts in tests, of several workers.

train_together.py runs DATA PLAN ..: a run for each JSON object {"folder", "model", "training",
"stop"}, with --resume; `stop` is the step, counted over epochs, after which it is left, or 0.
train_together.py kill RANK STEP WORD ..: the command line, and death of the worker of that rank
before its step of that number, if torchrun has not started it again.
"""

import itertools
import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script

from pocketrec.cli.main import main
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.data import PreparedData
from pocketrec.training import folder, loop
from pocketrec.training.distributed import ALONE
from pocketrec.training.torchrun import join
from pocketrec.training.validation import validation_score
from support.small_world import EVERY_STEP, make_config, run


class Left(Exception):  # noqa: N818
    """A run was left in the middle."""


def train_all(folder, plans):
    data = PreparedData.open(Path(folder))
    with join() as workers:
        for plan in map(json.loads, plans):
            train_one(data, workers=workers, **plan)


def train_one(data, folder, model, training, stop=0, workers=ALONE):
    """A run that judges as the command line does, left after `stop` steps."""
    config, steps = make_config(model, **training), itertools.count(1)
    score = validation_score(config, data, workers)

    def leave(_):
        if next(steps) == stop:
            raise Left

    with suppress(Left):
        run(
            data,
            Path(folder),
            config,
            validate=lambda model: score(ModelScorer(model)),
            on_progress=leave,
            resume=True,
            workers=workers,
            save_seconds=EVERY_STEP,
        )


def train_until(rank, step, words):
    train_step, calls = loop.train_step, 0

    def count(*arguments):
        nonlocal calls
        calls += 1
        killed = calls == int(step) and os.environ["RANK"] == rank
        if killed and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        return train_step(*arguments)

    loop.train_step = count
    folder.train_model = partial(folder.train_model, save_seconds=EVERY_STEP)
    sys.argv = ["pocketrec", *words]
    main()


if __name__ == "__main__":
    if sys.argv[1] == "runs":
        train_all(sys.argv[2], sys.argv[3:])
    else:
        train_until(sys.argv[2], sys.argv[3], sys.argv[4:])
