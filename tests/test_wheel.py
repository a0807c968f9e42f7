"""The wheel alone, in an empty environment, runs and serves a bundle, without training or Node."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from support.patience import HANG_SECONDS
from support.small_shop import sku

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, built from a copy so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=skip)
    page = source / "src" / "pocketrec" / "app" / "static"
    if not page.exists():  # a stand-in where there is no Node
        (page / "assets").mkdir(parents=True)
        (page / "index.html").write_text("<p>stand-in")
        (page / "assets" / "app.js").write_text("run()")
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
    # The page as it was built, or the stand-in, with what lies in its folders.
    built = [path for path in ROOT.glob("src/pocketrec/app/static/**/*") if path.is_file()]
    assert {path.relative_to(ROOT / "src").as_posix() for path in built} <= set(names)
    page = [name.split("/")[3:] for name in names if name.startswith("pocketrec/app/static/")]
    assert ["index.html"] in page
    assert [parts for parts in page if parts[0] == "assets"]


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

    # Nothing but what was installed: not what the environment of the tests adds to Python's path.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    alone = {"cwd": tmp_path, "env": own, "text": True}

    def run(*words):
        return subprocess.run(
            words, capture_output=True, check=False, timeout=HANG_SECONDS, **alone
        )

    history = ",".join(map(sku, (5, 6, 7)))
    words = ["recommend", str(shop.bundle), "--history", history, "--json", "--quiet"]
    done = run(str(home / "bin" / "pocketrec"), *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["id"] == sku(8)
    films = ["--history", "Toy Story (1995)", "Aladdin (1992)", "--json", "--quiet"]
    done = run(str(home / "bin" / "pocketrec"), "recommend", "movielens-1m", *films)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lion King, The (1994)" in [line["title"] for line in json.loads(done.stdout)]
    assert "movielens-1m" in run(str(home / "bin" / "pocketrec"), "list").stdout
    done = run(str(home / "bin" / "pocketrec"), "export", str(shop.run), "--out", "bundle")
    assert done.returncode == 2
    assert "pip install 'pocketrec[train]'" in done.stderr
    assert run(python, "-c", "import torch").returncode == 1
    assert "missing" in run(str(home / "bin" / "pocketrec"), "doctor").stdout

    (page,) = home.glob("lib/python*/site-packages/pocketrec/app/static")
    serve = [str(home / "bin" / "pocketrec"), "serve", "--json", "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, **alone) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]
            assert fetch(url) == (page / "index.html").read_bytes()
            films = ROOT / "src" / "pocketrec" / "pretrained" / "movielens-1m"
            assert fetch(f"{url}bundle/model.tflite") == (films / "model.tflite").read_bytes()
        finally:
            process.terminate()
    shutil.rmtree(page)
    done = run(*serve)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the page is not built" in done.stderr


def fetch(url):
    with urllib.request.urlopen(url, timeout=HANG_SECONDS) as answer:  # noqa: S310
        return answer.read()
