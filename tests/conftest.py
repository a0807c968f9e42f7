"""What all tests may use: the small shop (see small_shop.py), made once a session."""

import os

import pytest

from pocketrec.runtime import Recommender
from small_shop import TOML, Shop, make_shop

# Models here are so small that threads cost more than they bring. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Shop:
    """A shop whose customers buy again: exclude_seen = false."""
    return make_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def fresh_shop(tmp_path_factory) -> Shop:
    """The log where nothing is recommended twice; the quickest encoder, and attributes of items."""
    toml = TOML.replace("exclude_seen = false", "min_user_events = 3")
    features = '[features.item]\ntags = "category"\nprice = "number"\n'
    toml = toml.replace("[model]", features + '[model]\nencoder = "bow"')
    return make_shop(tmp_path_factory.mktemp("fresh shop"), toml)


@pytest.fixture(scope="session")
def recommender(shop) -> Recommender:
    return Recommender.load(shop.bundle)
