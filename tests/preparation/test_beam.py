"""Two engines, one answer: Beam, on its runner in this process, writes what one machine writes."""

import gzip
import json
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pocketrec.errors import DataError, EngineError
from pocketrec.ingest import events
from pocketrec.preparation import survey
from pocketrec.preparation.engines import Plan, Reduction, fold, pipelines, work
from pocketrec.preparation.engines.beam import BeamEngine
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.engines.runner import read_options, run_quietly
from pocketrec.preparation.engines.scratch import beam_engine
from pocketrec.preparation.engines.step import Step
from pocketrec.preparation.features import join_users
from pocketrec.preparation.prepare import _take, run_preparation
from pocketrec.preparation.sequences import sort_events
from pocketrec.preparation.vocabulary import count_items, sum_counts
from pocketrec.storage.paths import Url
from support.small_logs import NO_FILTER, make_config, make_events, some_rows
from support.small_shop import pocketrec, succeed, write_shop

fsspec = pytest.importorskip("fsspec")

NAMES = {"user": "who", "item": "what", "time": "when"}


def content(folder):
    """Every file of an artifact, by its path in it."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def remote(url):
    """The same of one in Beam's and our own process's memory."""
    store, path = fsspec.core.url_to_fs(url)
    root = path.rstrip("/") + "/"
    return {name.removeprefix(root): store.cat_file(name) for name in sorted(store.find(path))}


@pytest.fixture
def memory():
    """A store that is nowhere but in memory."""
    yield "memory://bucket"
    fsspec.filesystem("memory").store.clear()


def both(folder, document):
    """A log prepared by both engines, from one TOML: the files, and what was counted."""
    toml = folder / "log.toml"
    toml.write_text(document)
    succeed("prepare", toml, "--out", folder / "local")
    done = succeed("prepare", toml, "--out", folder / "beam", "--engine", "beam")
    assert all(line.startswith(("note: ", "wrote ")) for line in done.err.splitlines())
    found = content(folder / "local")
    assert content(folder / "beam") == found
    assert not [path for path in folder.iterdir() if "scratch" in path.name]
    return found, json.loads(found["manifest.json"])["counts"]


def frame(rows, **more):
    columns = ["who", "what", "when", "stars"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(**more)


def test_csv_in_files_with_every_kind_of_feature(tmp_path, monkeypatch):
    """Ids are text, some alike; a robot is cut, where blocks are made and where they meet."""
    monkeypatch.setattr(fold, "FOLD_ROWS", 100)
    monkeypatch.setattr(work, "BLOCK_ROWS", 400)
    rows = some_rows(900) + [(99, i % 25, 20_000 + i, 4.0) for i in range(300)]
    rows += [(u, 30 + u, 1, 5.0) for u in range(12)]  # items of one user each
    log = frame(
        [(f"Person {u}", f"thing {i}", t, r) for u, i, t, r in rows],
        price=pl.col("when") / 7,
        tags=pl.when(pl.col("when") % 3 == 0).then(pl.lit("a|b")).otherwise(pl.col("what")),
    )
    log = log.sample(fraction=1, shuffle=True, seed=1)
    (tmp_path / "log").mkdir()
    log[:500].write_csv(tmp_path / "log" / "a.csv")
    log[500:501].write_csv(tmp_path / "log" / "b.csv")
    (tmp_path / "log" / "c.csv.gz").write_bytes(gzip.compress(log[501:].write_csv().encode()))
    (tmp_path / "people").mkdir()
    people = pl.DataFrame({"id": [f"Person {n}" for n in range(45)], "age": range(45)})
    people[:20].with_columns(land=pl.lit("x")).write_csv(tmp_path / "people" / "a.csv")
    people[20:].with_columns(land=pl.lit("y"), age=pl.col("age") + 0.5).write_csv(
        tmp_path / "people" / "b.csv"
    )
    pl.DataFrame({"id": ["thing 1", "Thing 1"], "title": ["one", "One"]}).write_csv(
        tmp_path / "items.csv"
    )
    _, counts = both(
        tmp_path,
        """\
        [data]
        path = "log"
        user = "who"
        item = "what"
        time = "when"
        rating = "stars"
        min_rating = 2
        max_user_events = 60
        buckets = 3
        users = "people"
        items = "items.csv"
        [features]
        event = { price = "number", tags = "category" }
        time = ["gap", "hour"]
        user = { age = "number", land = "category" }
        """,
    )
    assert counts["dropped"]["max_user_events"] == {"events": 240, "users": 1}
    assert counts["kept"]["items"] == 25
    assert counts["read"]["items"] > 30
    assert counts["dropped"]["min_rating"]["events"] > 100
    assert counts["dropped"]["repeats"]["events"] > 100
    assert counts["disclosed"]["features"]["user_land"]["of_the_log"] == 2


def test_parquet_in_ranges_of_rows_from_and_to_a_store(tmp_path, monkeypatch, memory):
    """The log, the users and what is written are elsewhere, for both engines."""
    monkeypatch.setattr(events, "PART_ROWS", 130)
    monkeypatch.setattr(pipelines, "FAN_OUT", 2)
    log = frame(some_rows(700))
    for name, part in (("a", log[:400]), ("b", log[400:])):
        with fsspec.open(f"{memory}/log/{name}.parquet", "wb") as stream:
            part.write_parquet(stream)
    with fsspec.open(f"{memory}/log/README.txt", "wb") as stream:
        stream.write(b"no data")
    with fsspec.open(f"{memory}/people.csv", "w") as stream:
        stream.write("id,age\n" + "".join(f"{n},{n % 5}\n" for n in range(40)))
    toml = tmp_path / "log.toml"
    toml.write_text(
        f"""\
        [data]
        path = "{memory}/log"
        user = "who"
        item = "what"
        time = "when"
        users = "{memory}/people.csv"
        exclude_seen = false
        buckets = 3
        [features]
        user = {{ age = "number" }}
        [split]
        kind = "time"
        """
    )
    succeed("prepare", toml, "--out", tmp_path / "local")
    expected = content(tmp_path / "local")
    cluster = ["--engine", "beam", "--runner", "FnApiRunner", "--scratch", f"{memory}/scratch"]
    done = succeed("prepare", toml, "--out", f"{memory}/out", *cluster)
    assert "copy it to where you train" in done.err
    assert remote(f"{memory}/out") == expected
    succeed("prepare", toml, "--out", tmp_path / "fetched", *cluster)
    assert content(tmp_path / "fetched") == expected
    succeed("prepare", toml, "--out", f"{memory}/copied")
    assert remote(f"{memory}/copied") == expected
    assert not fsspec.filesystem("memory").find("/bucket/scratch")
    again = succeed("prepare", toml, "--out", f"{memory}/out", *cluster)
    assert "already prepared" in again.err
    source = json.loads(expected["manifest.json"])["source"]
    assert [file["name"] for file in source["files"]] == ["a.parquet", "b.parquet"]
    assert "sha256" not in source["files"][0]  # nobody read them here


def test_an_order_that_is_text_and_users_that_are_held_out(tmp_path):
    """The ranks of times are a user's own, so they are the same in any bucket."""
    rows = [json.dumps({"who": u, "what": i, "when": f"v{t:05d}"}) for u, i, t, _ in some_rows(500)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows[:100]))
    (tmp_path / "b.jsonl").write_text("\n".join(rows[100:]))
    _, counts = both(
        tmp_path,
        """\
        [data]
        path = "*.jsonl"
        user = "who"
        item = "what"
        time = "when"
        time_format = "order"
        buckets = 2
        [split]
        kind = "users"
        valid_fraction = 0.2
        test_fraction = 0.3
        """,
    )
    assert counts["kept"]["users"] == 40


def test_movielens_is_read_where_the_command_runs(tmp_path):
    rows = some_rows(600)
    (tmp_path / "films").mkdir()
    pl.DataFrame(
        [(u, i, r, t) for u, i, t, r in rows],
        schema=["userId", "movieId", "rating", "timestamp"],
        orient="row",
    ).write_csv(tmp_path / "films" / "ratings.csv")
    films = "".join(f"{i},Film {i} (19{i + 10}),Drama|War\n" for i in range(25))
    (tmp_path / "films" / "movies.csv").write_text("movieId,title,genres\n" + films)
    found, counts = both(
        tmp_path,
        """\
        [data]
        source = "movielens/latest-small"
        path = "films"
        min_rating = 2
        """,
    )
    assert counts["rows"] == 600
    assert len(found) == 8 + 2


kinds = st.sampled_from(
    [
        {"kind": "leave-one-out"},
        {"kind": "time", "valid_fraction": 0.2, "test_fraction": 0.3},
        {"kind": "users", "valid_fraction": 0.3, "test_fraction": 0.3},
    ]
)


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each example is a dozen pipelines: no shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 99),
    split=kinds,
    text=st.booleans(),
    data=st.fixed_dictionaries(
        {
            "repeats": st.sampled_from(["all", "first"]),
            "min_user_events": st.integers(1, 6),
            "min_item_events": st.integers(1, 5),
            "max_user_events": st.integers(8, 20),
            "buckets": st.sampled_from([1, 2, 5]),
        }
    ),
)
def test_any_log_is_prepared_alike(tmp_path_factory, seed, split, text, data):
    rows = some_rows(300, seed=seed, last=200)
    kind = pl.Int64
    if text:
        rows, kind = [(f"u{u}", f"i{i}", t, r) for u, i, t, r in rows], pl.String
    config = make_config(split, **NO_FILTER | data)
    folder = tmp_path_factory.mktemp("alike")
    log = make_events(rows, kind, kind)
    found = []
    for engine in (LocalEngine(folder / "a"), BeamEngine(folder / "b")):
        out = folder / type(engine).__name__
        told = run_preparation(log, None, None, config, engine, out, now=0.1)
        found.append((told, content(out)))
    assert found[0] == found[1]


def test_a_user_with_too_much_is_cut_before_anything_is_sorted(monkeypatch):
    """In memory there are never many more rows than its newest, and nobody else is touched."""
    monkeypatch.setattr(fold, "FOLD_ROWS", 50)
    blocks = [
        pl.DataFrame({"user": 7, "item": range(40), "time": 5, "order": range(n, n + 40)})
        for n in np.random.default_rng(1).permutation(100) * 40
    ]
    blocks.append(pl.DataFrame({"user": 8, "item": [1, 2], "time": 1, "order": [9, 8]}))
    sizes, keep_newest = [], fold.keep_newest

    def measured(rows, most):
        sizes.append(rows.height)
        return keep_newest(rows, most)

    monkeypatch.setattr(fold, "keep_newest", measured)
    kept, cut = fold.fold(blocks, 30)
    assert (kept.height, cut) == (32, fold.Truncated(3970, 1))
    assert sorted(kept.filter(user=7)["order"]) == list(range(3970, 4000))
    assert max(sizes) < 120
    assert fold.fold(blocks[-1:], 2)[1] == fold.Truncated()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("who,what,when\na,1,1\na,,2\n", "'what' is not usable in 1 of 2 rows"),
        ("who,what,when\na,1,1\na,1,2,3\n", "log.csv line 3 has 4 fields, but its header has 3"),
        ("who,what,when\na,1,1\na,1,1\n", "the log has one user only"),
    ],
)
def test_what_is_wrong_with_a_log_is_the_same_sentence(tmp_path, text, words):
    (tmp_path / "log.csv").write_text(text)
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "log.csv"\nuser = "who"\nitem = "what"\ntime = "when"\n'
    )
    command = ["prepare", tmp_path / "log.toml", "--out", tmp_path / "out"]
    local, other = pocketrec(*command), pocketrec(*command, "--engine", "beam")
    assert (other.code, other.out) == (2, "")
    assert words in other.err
    assert other == local
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "log.toml"]


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


def test_what_has_no_value_decides_nothing_of_a_column(tmp_path):
    """A table of users without rows, or with a column that nobody filled in."""
    some = "id,age,hobbies\n" + "".join(f"{n},{n % 3},a|b\n" for n in range(30))
    rest = "id,age,hobbies\n" + "".join(f"{n},,\n" for n in range(30, 40))
    toml = people(tmp_path, a="id,age,hobbies\n", b=some, c=rest)
    _, counts = both(tmp_path, toml)
    assert counts["disclosed"]["features"]["user_hobbies"]["of_the_log"] == 2
    assert counts["disclosed"]["features"]["user_age"]["of_the_log"] == 2


def test_users_without_any_row_are_refused(tmp_path):
    (tmp_path / "log.toml").write_text(people(tmp_path, a="id,age,hobbies\n"))
    result = pocketrec("prepare", tmp_path / "log.toml", "--out", tmp_path / "out")
    assert (result.code, "data.users = 'people' has no rows" in result.err) == (2, True)


def test_a_bad_value_is_named_by_its_file(tmp_path):
    (tmp_path / "a.csv").write_text("who,what,when\na,1,1\na,2,2\n")
    (tmp_path / "b.csv").write_text("who,what,when\na,,1\n")
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "*.csv"\nuser = "who"\nitem = "what"\ntime = "when"\n'
    )
    result = pocketrec("prepare", tmp_path / "log.toml", "--out", tmp_path / "out")
    assert "in 1 of 3 rows; the first is row 1 of b.csv, which has nothing" in result.err


def test_data_that_are_elsewhere_are_not_trained_on(shop_toml, tmp_path):
    result = pocketrec("train", shop_toml, "--data", "gs://b/x", "--out", tmp_path / "run")
    assert (result.code, result.out) == (2, "")
    assert "--data 'gs://b/x' is elsewhere: copy it here first" in result.err


def test_an_id_that_stands_twice_is_found_in_its_bucket(tmp_path):
    frame(some_rows(300)).write_csv(tmp_path / "log.csv")
    (tmp_path / "people.csv").write_text("id,age\n" + "7,1\n" * 2)
    (tmp_path / "log.toml").write_text(
        '[data]\npath = "log.csv"\nuser = "who"\nitem = "what"\ntime = "when"\nbuckets = 2\n'
        'users = "people.csv"\n[features]\nuser = { age = "number" }\n'
    )
    command = ["prepare", tmp_path / "log.toml", "--out", tmp_path / "out"]
    local, other = pocketrec(*command), pocketrec(*command, "--engine", "beam")
    assert "holds the id 7 more than once (2 such rows)" in local.err
    assert other == local


@pytest.fixture
def shop_toml(tmp_path):
    return write_shop(tmp_path / "shop", users=20)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--no-such-option", "5"], "No such option: --no-such-option; --help tells"),
        (["more"], "Got unexpected extra argument (more)"),
        (["--runner", "FlinkRunner"], "--runner has no effect without --engine beam"),
        (["--scratch", "there"], "--scratch has no effect without --engine beam"),
        (["--engine", "spark"], "spark"),
        (["--engine", "beam", "--runner", "NoRunner"], "Beam's NoRunner failed"),
        (["--engine", "beam", "--", "--no_such_option", "5"], "no such option: --no_such_option"),
        (
            ["--engine=beam", "--", "--runner=PortableRunner", "--job_endpoint=localhost:1"],
            "host:1",
        ),
        (["--engine", "beam", "stray"], "Got unexpected extra argument (stray)"),
        (["--engine", "beam", "--", "--runner=FnApiRunner", "stray"], "extra argument (stray)"),
        (["--engine", "beam", "--", "--project", "x", "stray"], "extra argument (stray)"),
        (
            ["--engine", "beam", "--project", "x"],
            "No such option: --project; Beam's options come after --",
        ),
        (["--", "--project", "x"], "extra argument (--project)"),
        (["--engine", "beam", "--scratch", __file__], "give --scratch a folder"),
        (["--engine", "beam", "--out", "memory://bucket"], "give --scratch a place beside it"),
        (
            ["--engine", "beam", "--", "--flink_version", "0.1"],
            "Beam refuses its options (argument",
        ),
        (["--set", "data.path=s3://nobody/log.csv"], "needs a package that is not installed"),
        (
            ["--set", "data.path=nowhere://a/log.csv"],
            "begins with nowhere://, which fsspec does not know",
        ),
        (["--set", "data.path=memory://none/*.csv"], "no data file at 'memory://none/*.csv'"),
        (["--set", "data.path=file:///none/log.csv"], "no data file at '/none/log.csv'"),
        (["--set", "data.items=memory://none/i.csv"], "correct data.items"),
    ],
)
def test_what_cannot_be_is_one_sentence(shop_toml, tmp_path, words, sentence):
    result = pocketrec("prepare", shop_toml, "--out", tmp_path / "out", "--quiet", *words)
    assert (result.code, result.out) == (2, "")
    (line,) = (line for line in result.err.splitlines() if line.startswith("error: "))
    assert sentence in line
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


@pytest.mark.parametrize("engine", ["local", "beam"])
def test_an_option_before_the_toml_is_not_taken_for_it(shop_toml, tmp_path, engine):
    words = ["prepare", "--project", "x", shop_toml, "--out", tmp_path / "out", "--engine", engine]
    result = pocketrec(*words)
    assert result.code == 2
    assert "No such option: --project" in result.err
    assert ("Beam's options come after --" in result.err) == (engine == "beam")


@pytest.mark.parametrize("scratch", [None, "there"])
def test_workers_are_told_of_folders_from_the_root_on(tmp_path, monkeypatch, caplog, scratch):
    """They are processes in folders of their own."""
    monkeypatch.chdir(tmp_path)
    words = ["--runner=PortableRunner"]
    with beam_engine(Path("out"), scratch, words, lambda _: None) as engine:
        assert engine.scratch.is_absolute()
        assert engine.scratch.is_dir()
    assert not engine.scratch.exists()
    shared = tmp_path if scratch is None else tmp_path / scratch
    assert f"must reach the folder '{shared}'" in caplog.text


def test_an_option_that_beam_does_not_know_is_mentioned(caplog):
    read_options(["--runner=PortableRunner", "--no_such_option=5"])
    assert "Beam does not know the option --no_such_option" in caplog.text


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("Traceback\n  File 'x'\nKeyboardInterrupt\n", KeyboardInterrupt, "^KeyboardInterrupt"),
        (
            "Traceback\n  File 'x'\nValueError: bad KeyboardInterrupt\n>",
            EngineError,
            ": ValueError: bad",
        ),
        ("", EngineError, r"\(RuntimeError: RuntimeError\)"),
    ],
)
def test_of_a_traceback_the_last_line_is_told(tmp_path, text, error, words):
    step, options = Step(str(tmp_path)), read_options([])
    with pytest.raises(error) as caught, run_quietly(step, options):
        raise RuntimeError(text)
    assert re.search(words, f"{caught.type.__name__}: {caught.value}")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "parent", "below"),
    [
        ("gs://bucket", "gs://bucket", "gs://bucket/x"),
        ("gs://bucket/", "gs://bucket", "gs://bucket/x"),
        ("gs://bucket/a/b/", "gs://bucket/a", "gs://bucket/a/b/x"),
        ("hdfs:///a", "hdfs://", "hdfs:///a/x"),
    ],
)
def test_nothing_is_above_a_bucket(url, parent, below):
    assert (Url(url).parent, Url(url) / "x") == (parent, below)
    assert Url(url).parent / "x" == f"{parent}/x"


def test_a_defect_in_a_worker_is_told_without_its_traceback(shop_toml, tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "count_items", lambda *_, **__: 1 / 0)
    result = pocketrec("prepare", shop_toml, "--out", tmp_path / "out", "--engine", "beam")
    assert result.code == 2
    assert "Beam's FnApiRunner failed" in result.err
    assert len(result.err.splitlines()) == 1


def test_what_is_elsewhere_is_replaced_if_it_is_ours(shop_toml, memory):
    with fsspec.open(f"{memory}/other/notes.txt", "wb") as stream:
        stream.write(b"mine")
    result = pocketrec("prepare", shop_toml, "--out", f"{memory}/other")
    assert "exists and is no prepared folder" in result.err
    assert remote(f"{memory}/other") == {"notes.txt": b"mine"}
    succeed("prepare", shop_toml, "--out", f"{memory}/out", "--set", "data.buckets=3")
    (shop_toml.parent / "events.csv").write_text("customer,product,bought_at\n,1,1\n")
    assert pocketrec("prepare", shop_toml, "--out", f"{memory}/out").code == 2
    assert len(remote(f"{memory}/out")) == 5  # the old one, whole
    write_shop(shop_toml.parent, users=21)
    succeed("prepare", shop_toml, "--out", f"{memory}/out", "--set", "data.buckets=2")
    found = remote(f"{memory}/out")
    assert {*found} == {"manifest.json", *json.loads(found["manifest.json"])["files"]}
    assert len(found) == 4


@pytest.mark.parametrize("draft", [False, True])
def test_a_file_of_somebody_elses_is_never_removed(shop_toml, memory, draft):
    """Neither beside a whole artifact, nor beside what a killed process left of one."""
    out = f"{memory}/out"
    succeed("prepare", shop_toml, "--out", out)
    store, path = fsspec.core.url_to_fs(out)
    if draft:
        store.rm_file(f"{path}/manifest.json")
        store.pipe_file(f"{path}/.draft.part", b"")
    store.pipe_file(f"{path}/shards/notes.txt", b"mine")
    before = remote(out)
    result = pocketrec("prepare", shop_toml, "--out", out, "--set", "data.buckets=2")
    assert (result.code, result.out) == (2, "")
    assert "holds 'shards/notes.txt', which is not a file of the prepared" in result.err
    assert remote(out) == before
    store.rm_file(f"{path}/shards/notes.txt")
    succeed("prepare", shop_toml, "--out", out, "--set", "data.buckets=2")
    assert len(remote(out)) == 4


@pytest.mark.parametrize("engine", ["local", "beam"])
def test_what_is_refused_leaves_the_older_one_where_it_is(shop_toml, tmp_path, memory, engine):
    out, words = f"{memory}/out", ["--engine", engine]
    succeed("prepare", shop_toml, "--out", out)
    before = remote(out)
    refused = ["--set", "data.min_user_events=1000"]
    assert pocketrec("prepare", shop_toml, "--out", out, *words, *refused).code == 2
    assert remote(out) == before
    succeed("prepare", shop_toml, "--out", out, *words, "--set", "data.buckets=2")
    succeed("prepare", shop_toml, "--out", tmp_path / "out", "--set", "data.buckets=2")
    assert remote(out) == content(tmp_path / "out")


LIGHT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from pocketrec.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("missing", "code", "sentence"),
    [
        (
            {"apache_beam"},
            2,
            "needs apache_beam, which is not installed: pip install",
        ),
        ({"fsspec"}, 2, "needs fsspec, which is not installed: pip install 'pocketrec[scale]'"),
        ({"torch", "safetensors", "litert_torch", "ai_edge_quantizer", "tensorboard"}, 0, "wrote"),
    ],
)
def test_what_preparing_on_a_cluster_needs(shop_toml, tmp_path, missing, code, sentence):
    """No training stack: a worker's image has the extra "scale" only."""
    out = "memory://b/out" if "fsspec" in missing else tmp_path / "out"
    words = ["prepare", shop_toml, "--out", out, "--engine", "beam"]
    command = [sys.executable, "-c", LIGHT.format(missing=missing), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr


@pytest.fixture
def workers(tmp_path):
    """Options of a runner whose workers are processes of their own, behind a job server."""
    port = tmp_path / "port"
    module = "apache_beam.runners.portability.local_job_service_main"
    command = [sys.executable, "-m", module, "--port", "0", "--port_file", str(port)]
    said = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **said) as server:
        try:
            while not (port.exists() and port.read_text()):
                assert server.poll() is None
                time.sleep(0.05)
            yield [
                "--runner=PortableRunner",
                f"--job_endpoint=localhost:{port.read_text()}",
                "--environment_type=beam:env:harness_subprocess_python:v1",
                f"--environment_config={sys.executable} -m "
                "apache_beam.runners.worker.sdk_worker_main",
            ]
        finally:
            server.terminate()


def test_workers_in_other_processes_are_told_all_and_tell_what_is_wrong(tmp_path, workers):
    """Which those of this process need not be: functions, options and errors are sent."""
    log = make_events(some_rows(300))
    found = {}
    for engine in (BeamEngine(tmp_path / "scratch", workers), LocalEngine(tmp_path / "local")):
        buckets = engine.partition(log, Plan(2, 5, partial(_take, min_rating=2.0)))
        buckets.map(sort_events)
        found[type(engine)] = buckets.combine(Reduction(count_items, sum_counts)), buckets.truncated
        people = pl.LazyFrame({"user": [1, 1], "user:age": [1, 2]})
        buckets.join(engine.partition(people, Plan(2)), join_users)
        with pytest.raises(DataError, match="holds the id 1 more than once"):
            buckets.combine(Reduction(count_items, sum_counts))
    (beams, beam_cut), (ours, our_cut) = found.values()
    assert beams[0].equals(ours[0])
    assert beam_cut == our_cut
    assert our_cut.users > 10
