"""Documents say what the code does, and their TOML is accepted as it stands."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from pocketrec.config.load import load_config

ROOT = Path(__file__).parent.parent
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def test_config_page_is_what_the_code_says(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    sys.modules.pop("config_reference", None)
    from config_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


@pytest.mark.parametrize(
    "example", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name
)
def test_examples_are_accepted(example):
    assert load_config(example).training.epochs >= 1


def test_toml_of_the_readme_is_accepted(tmp_path):
    blocks = TOML.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert blocks
    file = tmp_path / "readme.toml"
    for count in range(1, len(blocks) + 1):  # each block adds to those before it
        file.write_text("\n".join(blocks[:count]), encoding="utf-8")
        assert load_config(file).data.path


def test_the_python_of_sessions_runs(recurrent_bundle, tmp_path, monkeypatch, capsys):
    """As it stands, on a bundle of the name that it says; it prints a list."""
    shutil.copytree(recurrent_bundle, tmp_path / "bundles/shop")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/sessions.md").read_text(encoding="utf-8"), re.DOTALL
    )
    names = {}
    exec(code, names)  # noqa: S102 (it is our own page)
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert [event.id for event in names["history"]] == [f"sku-00{n}" for n in (1, 2, 3, 4)]


def test_readme_names_only_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_make_command_of_the_documents_has_a_rule():
    """A phony target without one is "nothing to be done", and exit code 0."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile")
    text = "\n".join(file.read_text(encoding="utf-8") for file in documents)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    named = {*phony.split(), *re.findall(r"`make\s+([a-z]+)", text)}
    named |= set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert {"app", "demo", "test"} <= named
    rules = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert named <= rules


def test_readme_has_no_placeholder():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "RESULTS" not in text
    assert not re.findall(r"\b[A-Z]+_PLACE\b", text)
