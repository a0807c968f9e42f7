"""The command line without the training stack: it helps, recommends, and says what to install."""

import json
import subprocess
import sys

import pytest

VERBS = ("prepare", "train", "export", "add-items", "evaluate", "recommend", "bench", "doctor")

CODE = """
import contextlib, io, json, sys

HEAVY = {"torch", "polars", "pyarrow", "safetensors", "litert_torch",
         "ai_edge_quantizer", "tensorboard"}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from pocketrec.cli.main import main

def run(words):
    sys.argv = ["pocketrec", *words]
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as leave:
        code = leave.code or 0
    return [code, out.getvalue(), err.getvalue()]

commands = json.loads(sys.argv[1])
print(json.dumps([run(words) for words in commands]))
"""


@pytest.fixture(scope="module")
def light():
    """Run commands, one after another, in a process that has the light runtime only."""

    def run(*commands):
        words = json.dumps([list(map(str, command)) for command in commands])
        process = [sys.executable, "-W", "error", "-c", CODE, words]
        done = subprocess.run(process, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_help_needs_nothing(light):
    commands = [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)]
    results = light(*commands)
    assert [code for code, _, _ in results] == [0] * len(commands)
    for verb in VERBS:
        assert verb in results[0][1]
    for verb, (_, out, err) in zip(VERBS, results[2:], strict=True):
        assert f"pocketrec {verb}" in out
        assert err == ""


def test_what_needs_training_names_its_extra(light, shop, tmp_path):
    out = tmp_path / "out"
    for code, text, sentence in light(
        ["prepare", shop.toml, "--out", out],
        ["train", shop.toml, "--data", shop.data, "--out", out],
        ["export", shop.run, "--out", out],
        ["evaluate", shop.bundle, "--data", shop.data],
    ):
        assert (code, text) == (2, "")
        assert sentence.endswith(" is not installed: pip install 'pocketrec[train]'\n")
        assert sentence.count("\n") == 1
    assert not out.exists()


def test_items_are_added_without_a_training_stack(light, fresh_shop, tmp_path):
    (tmp_path / "new.csv").write_text("id,tags\nnew,cold\n")
    words = ["add-items", fresh_shop.bundle, tmp_path / "new.csv", "--out", tmp_path / "out"]
    ((code, _, err),) = light([*words, "--quiet"])
    assert (code, err) == (0, "")


def test_what_runs_on_the_device_needs_no_training_stack(light, shop):
    listed, _, measured = light(
        ["recommend", shop.bundle, "--history", "sku-005,sku-006,sku-007", "--json"],
        ["doctor"],
        ["doctor", "--json"],
    )
    assert json.loads(listed[1])[0]["id"] == "sku-008"
    assert measured[0] == 0
    (bench,) = light(["bench", shop.bundle, "--json"])
    assert bench[0] == 0
    assert json.loads(bench[1])["latency_ms"]["1"]["p50"] > 0
