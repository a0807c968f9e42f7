"""Two engines, one answer: Beam, on its runner in this process, writes what one machine writes."""

import gzip
import json

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pocketrec.preparation.engines.beam import BeamEngine
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.engines.pipelines import FAN_OUT
from pocketrec.preparation.prepare import run_preparation
from support.folders import all_files
from support.small_logs import NO_FILTER, make_config, make_events, some_rows
from support.small_shop import succeed
from support.two_engines import both, frame, fsspec, people, remote

pytestmark = pytest.mark.slow  # it runs pipelines


def test_csv_in_files_with_every_kind_of_feature(tmp_path):
    """Ids are text, some alike; a robot is cut, where blocks are made and where they meet."""
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


def test_parquet_from_and_to_a_store(tmp_path, memory):
    """The log, the users and what is written are elsewhere, for both engines."""
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
        buckets = {FAN_OUT}
        [features]
        user = {{ age = "number" }}
        [split]
        kind = "time"
        """
    )
    succeed("prepare", toml, "--out", tmp_path / "local")
    expected = all_files(tmp_path / "local")
    cluster = ["--engine", "beam", "--runner", "FnApiRunner", "--scratch", f"{memory}/scratch"]
    done = succeed("prepare", toml, "--out", f"{memory}/out", *cluster)
    assert "copy it to where you train" in done.err
    assert remote(f"{memory}/out") == expected
    succeed("prepare", toml, "--out", tmp_path / "fetched", *cluster)
    assert all_files(tmp_path / "fetched") == expected
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
    files, counts = both(
        tmp_path,
        """\
        [data]
        source = "movielens/latest-small"
        path = "films"
        min_rating = 2
        """,
    )
    assert counts["rows"] == 600
    assert len(files) == 8 + 2


kinds = st.sampled_from(
    [
        {"kind": "leave-one-out"},
        {"kind": "time", "valid_fraction": 0.2, "test_fraction": 0.3},
        {"kind": "users", "valid_fraction": 0.3, "test_fraction": 0.3},
    ]
)


@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.generate],  # each example is a dozen pipelines: no shrinking
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
    results = []
    for engine in (LocalEngine(folder / "a"), BeamEngine(folder / "b")):
        out = folder / type(engine).__name__
        result = run_preparation(log, None, None, config, engine, out, now=0.1)
        results.append((result, all_files(out)))
    assert results[0] == results[1]


def test_what_has_no_value_decides_nothing_of_a_column(tmp_path):
    """A table of users without rows, or with a column that nobody filled in."""
    some = "id,age,hobbies\n" + "".join(f"{n},{n % 3},a|b\n" for n in range(30))
    rest = "id,age,hobbies\n" + "".join(f"{n},,\n" for n in range(30, 40))
    toml = people(tmp_path, a="id,age,hobbies\n", b=some, c=rest)
    _, counts = both(tmp_path, toml)
    assert counts["disclosed"]["features"]["user_hobbies"]["of_the_log"] == 2
    assert counts["disclosed"]["features"]["user_age"]["of_the_log"] == 2
