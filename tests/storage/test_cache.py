"""The cache folder: where the environment says, else where the system keeps caches."""

import sys
from pathlib import Path

import pytest

from pocketrec.storage.cache import default_cache

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("POCKETREC_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path


def test_the_cache_is_below_the_home_folder(home):
    assert default_cache() == home / ".cache" / "pocketrec"
    assert list(home.iterdir()) == []  # asking creates nothing


def test_xdg_cache_home_moves_it(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert default_cache() == home / "elsewhere" / "pocketrec"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_cache() == home / ".cache" / "pocketrec"


def test_pocketrec_cache_names_the_folder_itself(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    monkeypatch.setenv("POCKETREC_CACHE", "~/mine")
    assert default_cache() == home / "mine"
    monkeypatch.setenv("POCKETREC_CACHE", "~nobody-of-this-name/mine")
    assert default_cache() == Path("~nobody-of-this-name/mine")
