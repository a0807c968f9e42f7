"""The best items, found group by group, are those that a look at all of them finds."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from pocketrec.bundle.contract import MASKED, OPERATORS
from pocketrec.bundle.quiet import without_info_lines
from pocketrec.conversion.convert import to_tflite
from pocketrec.conversion.top import best_items
from pocketrec.tflite.inspect import inspect

K, H = 7, 20


class Best(nn.Module):
    def forward(self, scores, hidden):
        ids, best = best_items(scores, hidden, K)
        return {"ids": ids, "best": best}


def runner(rows):
    """Of the device's own kernels: torch's own order of equal numbers is another at each call."""
    inputs = {"scores": torch.zeros(1, rows), "hidden": torch.zeros(1, H, dtype=torch.int32)}
    with without_info_lines():
        content = to_tflite({"best": (Best(), inputs)})
        assert set(inspect(content).operators) <= OPERATORS
        return Interpreter(model_content=content).get_signature_runner("best")


def expected(scores, hidden):
    """Every item pushed and sorted; ties to the lower index."""
    pushed = scores[0] + np.float32(MASKED) * np.isin(np.arange(scores.shape[1]), hidden[0])
    ids = np.argsort(-pushed, kind="stable")[:K]
    return ids, pushed[ids]


@pytest.mark.parametrize("rows", [K, 25, K + H, 1279, 5003, 61 * 61])
def test_the_best_are_found_whatever_is_hidden(rows):
    random = np.random.default_rng(rows)
    run = runner(rows)
    for trial in range(60):
        scores = random.normal(size=(1, rows)).astype(np.float32)
        if trial % 3:  # so few values that most are tied
            scores = np.round(scores * (trial % 3))
        if trial % 2:  # the best are the first or the last of their groups
            scores[0, np.arange(trial % 4 // 2, rows, 61) - 1] += 4
        # Some of the best are hidden, most of them more than once, and sometimes all.
        best = np.argsort(-scores[0], kind="stable")[: random.integers(1, 2 * K)]
        hidden = random.choice(best, (1, H)).astype(np.int32)
        result = run(scores=scores, hidden=hidden)
        ids, scores = expected(scores, hidden)
        left = scores > MASKED / 2  # what is hidden may be named in any order
        assert np.array_equal(result["ids"][0][left], ids[left])
        assert np.array_equal(result["best"][0][left], scores[left])
        assert (result["best"][0][~left] < MASKED / 2).all()
