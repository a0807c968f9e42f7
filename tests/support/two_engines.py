"""A log prepared on one machine and by Beam, on its runner in this process."""

import json

import polars as pl
import pytest

from support.folders import all_files
from support.small_logs import some_rows
from support.small_shop import succeed

fsspec = pytest.importorskip("fsspec")


def remote(url):
    """The same of one in Beam's and our own process's memory."""
    store, path = fsspec.core.url_to_fs(url)
    root = path.rstrip("/") + "/"
    return {name.removeprefix(root): store.cat_file(name) for name in sorted(store.find(path))}


def both(folder, document):
    """A log prepared by both engines, from one TOML: the files, and what was counted."""
    toml = folder / "log.toml"
    toml.write_text(document)
    succeed("prepare", toml, "--out", folder / "local")
    done = succeed("prepare", toml, "--out", folder / "beam", "--engine", "beam")
    assert all(line.startswith(("note: ", "wrote ")) for line in done.err.splitlines())
    files = all_files(folder / "local")
    assert all_files(folder / "beam") == files
    assert not [path for path in folder.iterdir() if "scratch" in path.name]
    return files, json.loads(files["manifest.json"])["counts"]


def frame(rows, **more):
    columns = ["who", "what", "when", "stars"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(**more)


def people(folder, **files):
    """The TOML of a log whose users are in files of these texts."""
    frame(some_rows(300)).write_csv(folder / "log.csv")
    (folder / "people").mkdir()
    for name, text in files.items():
        (folder / "people" / f"{name}.csv").write_text(text)
    return """\
        [data]
        path = "log.csv"
        user = "who"
        item = "what"
        time = "when"
        users = "people"
        [features]
        user = { age = "number", hobbies = "category" }
        """
