"""What `make test` promises to try is counted, not hoped for."""

import importlib
from pathlib import Path

from support.tally import PROMISED


def test_there_are_at_least_twenty_thousand_generated_cases():
    for file in Path(__file__).parent.glob("test_*_fuzz.py"):
        importlib.import_module(file.stem)
    assert sum(PROMISED.values()) >= 20_000
    assert min(PROMISED.values()) >= 50
