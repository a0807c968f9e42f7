"""A store in memory, and the config of a small shop."""

import pytest

from support.small_shop import write_shop


@pytest.fixture
def memory():
    """A store that is nowhere but in memory."""
    fsspec = pytest.importorskip("fsspec")
    yield "memory://bucket"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def shop_toml(tmp_path):
    return write_shop(tmp_path / "shop", users=20)
