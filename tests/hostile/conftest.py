"""A bundle to be spoiled, and a runtime that must not see it."""

import shutil

import pytest

from pocketrec.bundle import device


@pytest.fixture
def copy(shop, tmp_path):
    return shutil.copytree(shop.bundle, tmp_path / "bundle")


@pytest.fixture
def unloaded(monkeypatch):
    """Fail a test that gets as far as loading a model."""
    monkeypatch.setattr(device, "Interpreter", lambda **_: pytest.fail("the model was loaded"))
