"""The scripts behind the documents' figures start: what they import is there."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(file.name for file in FOLDER.glob("*.py") if "ArgumentParser" in file.read_text())


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_says_how_it_is_used(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    monkeypatch.syspath_prepend(FOLDER)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert caught.value.code in (0, None)
    assert "usage:" in capsys.readouterr().out
