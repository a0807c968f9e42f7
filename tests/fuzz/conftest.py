"""What the fuzz tests of the runtime ask."""

import pytest


@pytest.fixture(scope="session")
def models(recommender, featured, narrow):
    """Of items that repeat; told of features; and with a graph too small for most lists."""
    return {"wide": recommender, "told": featured, "narrow": narrow}
