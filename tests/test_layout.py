"""The order of the folders is the order of the imports, and the runtime stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pocketrec

ROOT = Path(pocketrec.__file__).parent
STAGES = [
    "logs",
    "examples",
    "models",
    "training",
    "evaluation",
    "export",
    "extend",
    "pretrained",
    "runtime",
    "app",
    "cli",
]
MODULES = sorted(file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.py"))


def stage_of(parts):
    """The stage of a module's path below the package; None for a module at the root."""
    if parts == ["__main__.py"]:
        return "cli"  # `python -m pocketrec`
    return parts[0] if parts and parts[0] in STAGES else None


def imported(source, parts):
    """Paths below the package of all that a module at `parts` imports from the package."""
    package = ["pocketrec", *parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            names = [[*base, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (name[1:] for name in names if name[0] == "pocketrec")


def wrong_imports(source, parts):
    own = stage_of(parts)
    for target in imported(source, parts):
        stage = stage_of(target)
        if stage is None:
            continue
        if own is None or STAGES.index(stage) > STAGES.index(own):
            yield ".".join(target)


def test_every_folder_is_a_stage():
    folders = {module.split("/")[0] for module in MODULES if "/" in module}
    assert folders <= set(STAGES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_stages_before_it(module):
    assert list(wrong_imports((ROOT / module).read_text(), module.split("/"))) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from ..training.loop import train", "models/features.py"),
        ("from ...training import loop", "models/encoders/bow.py"),
        ("import pocketrec.cli.main", "export/build.py"),
        ("def f():\n    from pocketrec import runtime", "evaluation/protocol.py"),
        ("from .logs.read import read_events", "config.py"),
        ("from .examples import split", "bundle.py"),
    ],
)
def test_a_wrong_import_is_seen(source, module):
    assert list(wrong_imports(source, module.split("/")))


def test_the_runtime_brings_no_training_package():
    heavy = ["torch", "polars", "pydantic", "pyarrow", "litert_torch", "tensorboard"]
    code = (
        "import sys, pocketrec.runtime\n"
        f"print(*[name for name in {heavy!r} if name in sys.modules])\n"
        "print('ai_edge_litert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["", "True"]
