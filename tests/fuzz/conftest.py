"""What the fuzz tests of the runtime ask."""

import pytest


@pytest.fixture(scope="session")
def models(recommender, featured, narrow):
    """One repeats items, one reads features, and one has a graph too small for most lists."""
    return {"wide": recommender, "told": featured, "narrow": narrow}
