"""What workers of a cluster need, hold in memory and report."""

import subprocess
import sys
import time
from functools import partial

import numpy as np
import polars as pl
import pytest

from pocketrec.errors import DataError
from pocketrec.preparation.engines import Plan, Reduction, fold
from pocketrec.preparation.engines.beam import BeamEngine
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.features import join_users
from pocketrec.preparation.prepare import _take
from pocketrec.preparation.sequences import sort_events
from pocketrec.preparation.vocabulary import count_items, sum_counts
from pocketrec.storage.paths import Url
from support.small_logs import make_events, some_rows

pytestmark = pytest.mark.slow  # it runs pipelines


def test_a_user_with_too_much_is_cut_before_anything_is_sorted(monkeypatch):
    """In memory there are never many more rows than its newest, and nobody else is touched."""
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
    kept, cut = fold.fold(blocks, 30, fold_rows=50)
    assert (kept.height, cut) == (32, fold.Truncated(3970, 1))
    assert sorted(kept.filter(user=7)["order"]) == list(range(3970, 4000))
    assert max(sizes) < 120
    assert fold.fold(blocks[-1:], 2)[1] == fold.Truncated()


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
    """Unlike in this process, functions, options and errors have to be sent."""
    log = make_events(some_rows(300))
    plan = Plan(2, 5, partial(_take, min_rating=2.0), block_rows=70, fold_rows=20)
    results = {}
    for engine in (BeamEngine(tmp_path / "scratch", workers), LocalEngine(tmp_path / "local")):
        buckets = engine.partition(log, plan)
        buckets.map(sort_events)
        results[type(engine)] = (
            buckets.combine(Reduction(count_items, sum_counts)),
            buckets.truncated,
        )
        people = pl.LazyFrame({"user": [1, 1], "user:age": [1, 2]})
        buckets.join(engine.partition(people, Plan(2)), join_users)
        with pytest.raises(DataError, match="holds the id 1 more than once"):
            buckets.combine(Reduction(count_items, sum_counts))
    (beams, beam_cut), (ours, our_cut) = results.values()
    assert beams[0].equals(ours[0])
    assert beam_cut == our_cut
    assert our_cut.users > 10
