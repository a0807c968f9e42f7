"""CONTRIBUTING's walk-through of a new encoder, followed to the letter."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pocketrec.bundle.contract import OPERATORS
from pocketrec.config.encoders import _built_in
from pocketrec.runtime import Recommender
from support.small_shop import QUICK, pocketrec, settings, succeed, write_shop

pytestmark = pytest.mark.slow  # it trains and converts

ROOT = Path(__file__).parents[1]
NAME = "stmp:ShortTermMemory"
SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## A new encoder\n")[1]
FILE, TEST = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
(SHELL,) = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
CONTRACT, TRAIN, EXPORT = (shlex.split(line) for line in SHELL.splitlines())
WITHOUT_LAST = re.sub(r"    def last.*?(?=    @property)", "", FILE, flags=re.DOTALL)
"""The same encoder with `forward`, which sums up, as what the device runs."""


def python_m_pocketrec(words):
    """What `python -m pocketrec` does, in this process, whose path holds the current folder."""
    assert words[:3] == ["python", "-m", "pocketrec"]
    return pocketrec(*words[3:])


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory):
    """The current folder of the walk-through: a TOML, its prepared data and the two new files."""
    folder = tmp_path_factory.mktemp("new encoder")
    write_shop(folder)
    (folder / "stmp.py").write_text(FILE, encoding="utf-8")
    (folder / "test_stmp.py").write_text(TEST, encoding="utf-8")
    succeed("prepare", folder / "shop.toml", "--out", folder / "data")
    return folder


@pytest.fixture
def here(shop_folder, monkeypatch):
    """As if Python had been started there with -m."""
    monkeypatch.chdir(shop_folder)
    monkeypatch.syspath_prepend(str(shop_folder))
    yield shop_folder
    sys.modules.pop("stmp", None)


@pytest.fixture(scope="module")
def own_bundle(shop_folder):
    """Trained and exported with the commands of the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shop_folder)
        patch.syspath_prepend(str(shop_folder))
        done = python_m_pocketrec([*TRAIN, *settings("training", *QUICK)])
        assert done.code == 0, done.err
        done = python_m_pocketrec([*EXPORT, *settings("export", "max_ndcg_loss=0.5")])
        assert done.code == 0, done.err
    sys.modules.pop("stmp", None)
    return shop_folder / "bundle"


def test_it_keeps_the_contract_of_all_encoders(shop_folder):
    """In a process of its own: the contract's tests ask pytest for the encoder's name."""
    words = [str(shop_folder / word) if word == "test_stmp.py" else word for word in CONTRACT]
    assert words[:3] == ["python", "-m", "pytest"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(shop_folder), *sys.path])}
    done = subprocess.run(
        [sys.executable, *words[1:], "-p", "no:cacheprovider"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert passed > 30
    assert "skipped" not in done.stdout  # it has a state


def test_a_bundle_is_run_without_the_module(own_bundle):
    """Its manifest keeps the name as the TOML has it, and nothing imports that."""
    manifest = json.loads((own_bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["model"]["encoder"] == NAME
    assert "step" in manifest["signatures"]
    assert len(Recommender.load(own_bundle).recommend(["sku-001", "sku-002"], k=3)) == 3
    assert "stmp" not in sys.modules
    done = pocketrec("evaluate", own_bundle, "--data", own_bundle.parent / "data")
    assert done.code == 0, done.err
    assert "stmp" not in sys.modules


def test_a_run_says_that_it_needs_the_module(own_bundle, tmp_path):
    done = pocketrec("export", own_bundle.parent / "run", "--out", tmp_path / "again")
    assert done.code == 2
    assert f"model.encoder = '{NAME}': Python finds no module 'stmp'" in done.err
    assert "python -m pocketrec" in done.err


def test_an_operator_that_is_not_allowed_is_refused_before_training(here):
    assert WITHOUT_LAST != FILE
    (here / "summing.py").write_text(WITHOUT_LAST, encoding="utf-8")
    words = [word.replace(NAME, "summing:ShortTermMemory") for word in TRAIN]
    words[words.index("run")] = "refused"
    done = python_m_pocketrec(words)
    assert done.code == 2
    assert "model.encoder = 'summing:ShortTermMemory' cannot be exported" in done.err
    assert "not allowed: " in done.err
    assert all(name in done.err for name in OPERATORS)
    assert "`last`" in done.err
    assert not (here / "refused").exists()


def test_a_file_of_the_folder_is_an_encoder_by_its_name(tmp_path):
    """Step 4: nothing else lists it."""
    named = FILE.replace("    defaults", '    name = "stmp"\n    defaults')
    (tmp_path / "stmp.py").write_text(named, encoding="utf-8")
    (tmp_path / "base.py").write_text("class Encoder:\n    name = ''\n", encoding="utf-8")
    (spec,) = _built_in(tmp_path)
    assert spec.name == "stmp"
    assert spec.target == "pocketrec.models.encoders.stmp:ShortTermMemory"
    assert spec.defaults == {"max_length": 200}
    assert spec.fields == frozenset()
