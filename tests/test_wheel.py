"""The wheel alone, in an empty environment, runs a bundle without the training stack."""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from small_shop import sku

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, built from a copy so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=skip)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    (built,) = (source / "dist").iterdir()
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "pocketrec/py.typed" in names
    modules = {path.relative_to(ROOT / "src").as_posix() for path in ROOT.glob("src/**/*.py")}
    assert modules <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"pocketrec"}
    assert not [name for name in names if "test" in name]
    files = (ROOT / "src").glob("pocketrec/pretrained/*/*")
    bundles = {path.relative_to(ROOT / "src").as_posix() for path in files}
    assert {name for name in bundles if "__pycache__" not in name} <= set(names)


@pytest.mark.slow
def test_the_wheel_recommends_in_an_empty_environment(wheel, shop, tmp_path):
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = str(home / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"]
    options = ["--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    done = subprocess.run([*pip, *options, str(wheel)], capture_output=True, text=True, check=False)
    unreachable = ("NewConnectionError", "Max retries", "ConnectTimeout", "ReadTimeout")
    if done.returncode and any(sign in done.stderr for sign in unreachable):
        pytest.skip("the package registry cannot be reached: " + done.stderr.strip()[-200:])
    assert done.returncode == 0, done.stderr

    def run(*words):
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)

    history = ",".join(map(sku, (5, 6, 7)))
    words = ["recommend", str(shop.bundle), "--history", history, "--json"]
    done = run(str(home / "bin" / "pocketrec"), *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["id"] == sku(8)
    films = ["--history", "Toy Story (1995)", "Aladdin (1992)", "--json"]
    done = run(str(home / "bin" / "pocketrec"), "recommend", "movielens-1m", *films)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lion King, The (1994)" in [line["title"] for line in json.loads(done.stdout)]
    assert "movielens-1m" in run(str(home / "bin" / "pocketrec"), "list").stdout
    done = run(str(home / "bin" / "pocketrec"), "export", str(shop.run), "--out", "bundle")
    assert done.returncode == 2
    assert "pip install 'pocketrec[train]'" in done.stderr
    assert run(python, "-c", "import torch").returncode == 1
    assert "missing" in run(str(home / "bin" / "pocketrec"), "doctor").stdout
