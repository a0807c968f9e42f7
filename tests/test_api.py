"""The public API of the README, as a person in a notebook uses it."""

import json
import subprocess
import sys

import nbformat
import pandas as pd
import polars as pl
import pytest
from nbclient import NotebookClient

import pocketrec as pr
from support.small_shop import QUICK, TOML, write_shop

NAMES = sorted(pr.__all__)

SHOP = """\
[data]
user = "customer"
item = "product"
time = "bought_at"
exclude_seen = false
[model]
dim = 16
max_length = 8
[training]
epochs = 3
batch_labels = 128
learning_rate = 0.004
threads = 1
[export]
max_ndcg_loss = 0.9
min_overlap = 0.05
"""

BLOCK = """\
import {library} as tables
import pocketrec as pr

df, products = tables.read_csv("events.csv"), tables.read_csv("products.csv")
seen = []
config = pr.Config.load("tables.toml")
data = pr.prepare(config, out="data/shop", events=df, items=products)
run = pr.train(config, data, out="runs/shop", on_progress=seen.append)
bundle = pr.export(run, out="bundles/shop")
report = pr.evaluate(bundle, data)
"""
"""The block of the README; a polars or a pandas table."""

CHECKS = """\
import json
recommender = pr.Recommender(bundle)
lines = recommender.recommend(["sku-001"], k=3)
print(json.dumps({
    "steps": len(seen),
    "ndcg": report.metrics["ndcg@10"].value,
    "who": report.to_polars()["who"].unique().sort().to_list(),
    "titles": [item.title for item in recommender.items[:3]],
    "lines": len(lines),
    "again": pr.prepare(config, out="data/shop", events=df, items=products).fingerprint
    == data.fingerprint,
}))
"""


def write(folder):
    """A log and a TOML that does not say where the log is."""
    write_shop(folder)
    # A naive reader of pandas makes times of these, and text of ids.
    (folder / "tables.toml").write_text(SHOP)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_the_block_of_the_readme_runs_in_a_fresh_process(tmp_path, library):
    code = BLOCK.format(library=library) + CHECKS
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=write(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout.splitlines()[-1])
    assert output["steps"] > 0
    assert 0 < output["ndcg"] <= 1
    assert output["who"] == ["markov", "popularity", "seq_knn", "shop"]
    assert all(output["titles"])
    assert output["lines"] == 3
    assert output["again"] is True


@pytest.mark.slow
def test_a_notebook_draws_the_report(tmp_path):
    write(tmp_path)
    cells = [BLOCK.format(library="polars"), "report"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    (output,) = notebook.cells[-1].outputs
    html = output["data"]["text/html"]
    assert html.startswith("<table>")
    assert "NDCG@10" in html
    assert "<th>shop</th>" in html
    assert html.count("<tr>") == 5  # the head, three baselines and the bundle


def test_names_of_a_log_do_nothing_in_html():
    measure = {"ndcg@10": pr_measure(0.5)}
    report = pr.Report("<script>", "time & more", 2, measure, baselines={"<b>": measure})
    html = report._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "time &amp; more" in html
    assert html.count("<b>0.500</b>") == 2  # equal figures are marked alike


def pr_measure(value):
    from pocketrec.evaluation.bootstrap import Measure

    return Measure(value, value - 0.1, value + 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name):
    assert getattr(pr, name) is not None
    assert name in dir(pr)


def test_an_unknown_name_is_none_of_ours():
    with pytest.raises(AttributeError, match="prepair"):
        pr.prepair  # noqa: B018


def test_export_can_be_called_whatever_was_imported_before():
    from pocketrec.export import build

    assert build.__name__ == "pocketrec.export.build"
    assert callable(pr.export)


def test_importing_the_package_brings_no_heavy_library():
    code = (
        "import sys, pocketrec\n"
        "print(*{'torch', 'polars', 'pydantic', 'numpy', 'ai_edge_litert'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_config_of_python_is_checked_as_a_toml(tmp_path):
    config = pr.Config(data={"path": "events.csv"}, model={"dim": 8})
    assert config.model.dim == 8
    with pytest.raises(pr.PocketrecError, match=r"unknown key 'model\.dims'"):
        pr.Config(data={"path": "events.csv"}, model={"dims": 8})
    with pytest.raises(pr.PocketrecError, match=r"data\.path"):
        pr.prepare(pr.Config(data={}), tmp_path / "data")
    asked = pr.Config(data={}, features={"item": {"genre": "category"}})
    with pytest.raises(pr.PocketrecError, match=r"data\.items"):
        pr.prepare(asked, tmp_path / "data", events=pl.DataFrame())


@pytest.mark.parametrize("table", [3, "events.csv", object()])
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, table):
    with pytest.raises(pr.PocketrecError, match="polars, pandas or Arrow table"):
        pr.prepare(pr.Config(data={}), tmp_path / "data", events=table)


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "pandas of categories", "arrow"])
def test_all_kinds_of_tables_are_read_alike(tmp_path, kind):
    """Each is prepared as the file with the same content is."""
    toml = write_shop(tmp_path, toml=TOML)
    file = pl.read_csv(tmp_path / "events.csv")
    events = {
        "polars": lambda: file,
        "lazy": file.lazy,
        "pandas": lambda: pd.read_csv(tmp_path / "events.csv"),
        "pandas of categories": lambda: pd.read_csv(
            tmp_path / "events.csv", dtype={"product": "category", "customer": "category"}
        ),
        "arrow": file.to_arrow,
    }[kind]()
    config = pr.Config.load(toml)
    by_file = pr.prepare(config, tmp_path / "file")
    by_table = pr.prepare(config, tmp_path / "table", events=events)
    assert by_table.split_fingerprint == by_file.split_fingerprint
    assert by_table.catalogue.equals(by_file.catalogue)
    assert [shard for shard in by_table.shards if by_table.lengths(shard).sum()]


@pytest.mark.slow
def test_a_second_call_does_nothing_and_other_settings_are_refused(tmp_path):
    toml = write_shop(tmp_path, toml=TOML)
    quick = [f"training.{setting}" for setting in (*QUICK, "epochs=1")]
    config = pr.Config.load(toml, quick)
    data = pr.prepare(config, tmp_path / "data")
    epochs = []
    pr.train(config, data, tmp_path / "run", on_epoch=epochs.append)
    run = pr.train(config, tmp_path / "data", tmp_path / "run", on_epoch=epochs.append)
    assert len(epochs) == 1
    stages = []
    loose = ["export.max_ndcg_loss=0.9", "export.min_overlap=0.05"]
    pr.export(run, tmp_path / "bundle", overrides=loose, on_stage=stages.append)
    count = len(stages)
    assert count > 3
    pr.export(tmp_path / "run", tmp_path / "bundle", overrides=loose, on_stage=stages.append)
    assert len(stages) == count
    with pytest.raises(pr.PocketrecError, match="another config"):
        pr.train(pr.Config.load(toml, [*quick, "model.dim=8"]), data, tmp_path / "run")
    with pytest.raises(pr.PocketrecError, match=r"only \[export\] can"):
        pr.export(run, tmp_path / "bundle", overrides=["model.dim=8"])
