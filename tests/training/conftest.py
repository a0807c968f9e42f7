"""Prepared data to train on."""

import pytest

from support.small_world import prepare_world


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return prepare_world(tmp_path_factory.mktemp("world"))
