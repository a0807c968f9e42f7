"""How `prepare` gets at its log: downloads with progress, and reads no log twice."""

import pytest

from pocketrec.config.sections import Config
from pocketrec.errors import DataError, DownloadError
from pocketrec.ingest import download, events
from pocketrec.ingest.read import read_events
from pocketrec.preparation import pipeline
from support.small_shop import TOML, pocketrec, succeed, write_shop


def test_a_download_is_told_of_its_progress_and_its_failure(tmp_path, monkeypatch):
    asked = []

    def fetch(source, *, progress=None, **_):
        progress(1, 2)
        progress(2, None)
        asked.append(source)
        raise DownloadError("the web is away")

    monkeypatch.setattr("pocketrec.preparation.pipeline.fetch", fetch)
    (tmp_path / "films.toml").write_text('[data]\nsource = "movielens/1m"\n')
    result = pocketrec("prepare", tmp_path / "films.toml", "--out", tmp_path / "data")
    assert (result.code, result.out, result.err) == (2, "", "error: the web is away\n")
    assert asked == ["movielens/1m"]
    assert [path.name for path in tmp_path.iterdir()] == ["films.toml"]


def test_a_local_copy_is_not_downloaded(tmp_path, monkeypatch):
    for module in (pipeline, download):
        monkeypatch.setattr(module, "fetch", lambda *_, **__: pytest.fail("downloaded"))
    (tmp_path / "films.toml").write_text('[data]\nsource = "movielens/1m"\npath = "mine"\n')
    result = pocketrec("prepare", tmp_path / "films.toml", "--out", tmp_path / "data")
    assert result.code == 2
    assert "mine" in result.err


def test_a_log_is_checked_once(tmp_path, monkeypatch):
    calls = []
    open_log = events.open_log
    monkeypatch.setattr(events, "open_log", lambda *words: calls.append(1) or open_log(*words))
    toml = write_shop(tmp_path, users=12, toml=TOML)
    succeed("prepare", toml, "--out", tmp_path / "data")
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["time", "users"])
def test_movielens_without_times_has_no_split_by_time(tmp_path, kind):
    (tmp_path / "ratings.parquet").write_text("")  # the form is known by its name
    data = {"source": "movielens/1m", "path": str(tmp_path)}
    config = Config.parse({"data": data, "split": {"kind": kind}}, name="test")
    with pytest.raises(DataError) as caught:
        read_events(config)
    assert ("needs a clock" in str(caught.value)) == (kind == "time")
