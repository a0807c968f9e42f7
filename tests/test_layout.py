"""The order of the packages is the order of the imports, and the light half stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pocketrec

ROOT = Path(pocketrec.__file__).parent
SHARED = {"__init__", "errors", "schema"}
"""Modules at the root that every package may import; they import none."""
LIGHT = [
    "storage",
    "tflite",
    "features",
    "bundle",
    "pretrained",
    "runtime",
    "new_items",
    "app",
]
"""What a phone's Python or a server needs, lowest first."""
HEAVY = [
    "config",
    "ingest",
    "preparation",
    "models",
    "conversion",
    "evaluation",
    "training",
    "privacy",
    "export",
    "cli",
]
"""From the log to the bundle. Evaluation stands below training, which judges epochs with it."""
PACKAGES = [*LIGHT, *HEAVY]
HEAVY_LIBRARIES = ["torch", "polars", "pydantic", "pyarrow", "litert_torch", "tensorboard"]
MODULES = sorted(file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.py"))


def package_of(parts):
    """The package of a module's path below pocketrec; None for a module that all share."""
    if parts in (["__main__.py"], ["__init__.py"]):
        return "cli"  # `python -m pocketrec`, and the public API: both stand above all packages
    return parts[0] if parts and parts[0] in PACKAGES else None


def imported(source, parts):
    """Paths below pocketrec of everything that a module at `parts` imports from it."""
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
    """Imports of a package that stands above the module's own, or that is heavy for a light one."""
    own = package_of(parts)
    for target in imported(source, parts):
        package = package_of(target)
        if package is not None and (own is None or PACKAGES.index(package) > PACKAGES.index(own)):
            yield ".".join(target)


def test_every_folder_is_a_package_of_the_lists():
    folders = {module.split("/")[0] for module in MODULES if "/" in module}
    assert folders == set(PACKAGES)


def test_at_most_four_modules_stand_at_the_root():
    loose = {Path(module).stem for module in MODULES if "/" not in module}
    assert loose == SHARED | {"__main__"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_packages_below_its_own(module):
    assert list(wrong_imports((ROOT / module).read_text(), module.split("/"))) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from ..training.loop import train", "models/features.py"),
        ("from ...training import loop", "models/encoders/bow.py"),
        ("import pocketrec.cli.main", "export/build.py"),
        ("def f():\n    from pocketrec import runtime", "bundle/folder.py"),
        ("from ..config.sections import Config", "runtime/recommender.py"),
        ("from .ingest.read import read_events", "schema.py"),
        ("from ..preparation import split", "bundle/folder.py"),
    ],
)
def test_a_wrong_import_is_seen(source, module):
    assert list(wrong_imports(source, module.split("/")))


@pytest.mark.parametrize("package", LIGHT)
def test_a_light_package_brings_no_heavy_library(package):
    """Of all modules of the package together, in a fresh process."""
    modules = [
        "pocketrec." + module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for module in MODULES
        if module.startswith(f"{package}/")
    ]
    code = (
        f"import sys, {', '.join(modules)}\n"
        f"print(*[name for name in {HEAVY_LIBRARIES!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_heavy_library_would_be_seen():
    code = f"import sys, polars\nprint(*[n for n in {HEAVY_LIBRARIES!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "polars\n"
