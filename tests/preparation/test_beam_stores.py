"""Prepared data in a store: what is ours is replaced, what is not stays."""

import json

import pytest

from support.folders import all_files
from support.small_shop import pocketrec, succeed, write_shop
from support.two_engines import fsspec, remote

pytestmark = pytest.mark.slow  # it runs pipelines


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
    files = remote(f"{memory}/out")
    assert {*files} == {"manifest.json", *json.loads(files["manifest.json"])["files"]}
    assert len(files) == 4


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
    assert remote(out) == all_files(tmp_path / "out")
