"""Documents say what the code does, and their TOML is accepted as it stands."""

import ast
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import typer.main

import pocketrec
from pocketrec.cli.main import app
from pocketrec.config.sections import Config

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("decisions/*.md")),
]
EXPERIMENTS = [
    ["README.md"],
    ["docs/your-log.md", "docs/features.md"],
    ["docs/your-log.md", "docs/encoders.md"],
]
"""Pages whose TOML is one experiment: each block adds to those before it."""


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks_of(page, *languages):
    """The text of each fenced block in one of these languages."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands_of(page):
    """Every call of pocketrec in a page's code blocks, split into words."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    fenced = [block for language, block in blocks if language in ("", "sh")]
    indented = re.findall(r"(?:^ {4,}\S.*\n)+", text, re.MULTILINE)
    for block in [*fenced, *indented]:
        for line in block.replace("\\\n", " ").splitlines():
            if match := re.search(r"(?:^|-m )pocketrec (?=[a-z])", line.strip()):
                yield shlex.split(line.strip()[match.end() :], comments=True)


def test_config_page_is_what_the_code_says(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    sys.modules.pop("config_reference", None)
    from config_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


@pytest.mark.parametrize(
    "example", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name
)
def test_examples_are_accepted(example):
    assert Config.load(example).training.epochs >= 1


@pytest.mark.parametrize("pages", EXPERIMENTS, ids="+".join)
def test_toml_of_the_documents_is_accepted(pages, tmp_path):
    blocks = [block for page in pages for block in blocks_of(ROOT / page, "toml")]
    assert len(blocks) >= len(pages)
    file = tmp_path / "document.toml"
    for count in range(1, len(blocks) + 1):
        file.write_text("\n".join(blocks[:count]), encoding="utf-8")
        assert Config.load(file).data.path


def test_every_page_with_toml_is_tried():
    """CONTRIBUTING has none of a log's: what it says of encoders is tried where encoders are."""
    tried = {page for pages in EXPERIMENTS for page in pages}
    pages = {name_of(page) for page in PAGES if blocks_of(page, "toml")}
    assert pages - {"CONTRIBUTING.md"} == tried


def test_the_python_of_sessions_runs(recurrent_bundle, tmp_path, monkeypatch, capsys):
    """As it stands, on a bundle of the name that it says; it prints a list."""
    shutil.copytree(recurrent_bundle, tmp_path / "bundles/shop")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks_of(DOCS / "sessions.md", "python")
    names = {}
    exec(code, names)  # noqa: S102 (it is our own page)
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert [event.id for event in names["history"]] == [f"sku-00{n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page, "python")], ids=name_of)
def test_python_of_the_documents_imports_names_that_exist(page):
    """It parses, and what it takes from pocketrec is there."""
    for block in blocks_of(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("pocketrec"):
                module = __import__(node.module, fromlist=["*"])
                assert all(hasattr(module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "pr" or node.attr in pocketrec.__all__, node.attr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_the_documents_exist(page):
    """Each is a verb of pocketrec, with options that it has."""
    verbs = typer.main.get_command(app).commands
    for verb, *words in commands_of(page):
        assert verb in verbs
        options = {name for option in verbs[verb].params for name in option.opts}
        own = words[: words.index("--")] if "--" in words else words
        assert {word.partition("=")[0] for word in own if re.match("--?[a-z]", word)} <= options


def test_commands_are_found():
    assert ["prepare", "shop.toml", "--out", "data/shop"] in list(commands_of(ROOT / "README.md"))
    assert any("--" in words for words in commands_of(DOCS / "beam.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_name_files_that_exist(page):
    text = page.read_text(encoding="utf-8")
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", text):
        if target.startswith("http"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
            assert heading in anchors, f"{target}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_of_files_exist(page):
    """As they are called from the root, the package or `web/`."""
    bases = (ROOT, ROOT / "src", ROOT / "src/pocketrec", ROOT / "web")
    text = page.read_text(encoding="utf-8")
    quoted = re.findall(r"`(?:python )?((?:\w+/)+\w+\.(?:py|js|svg))", text)
    for path in [*quoted, *re.findall(r"\b(?:tests|benchmarks)/[\w/]+\.py", text)]:
        assert any((base / path).exists() for base in bases), path


def test_every_page_is_in_the_list_of_pages():
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in [*DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")]:
        name = page.relative_to(DOCS).as_posix()
        assert name == "README.md" or f"]({name})" in text, f"docs/README.md does not list {name}"


def test_every_make_command_of_the_documents_has_a_rule():
    """A phony target without one is "nothing to be done", and exit code 0."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = (*PAGES, ROOT / "Makefile")
    text = "\n".join(file.read_text(encoding="utf-8") for file in documents)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    named = {*phony.split(), *re.findall(r"`make\s+([a-z]+)", text)}
    named |= set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert {"app", "demo", "test"} <= named
    rules = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert named <= rules


def test_the_readme_is_read_in_minutes():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_documents_have_no_placeholder(page):
    text = page.read_text(encoding="utf-8")
    assert "RESULTS" not in text
    assert not re.findall(r"\b[A-Z]+_PLACE\b", text)


def test_hooks_and_lock_have_one_version_of_ruff():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"ruff-pre-commit\n +rev: v(\S+)", hooks)
    assert f"ruff=={pinned}\n" in (ROOT / "requirements.lock").read_text(encoding="utf-8")
