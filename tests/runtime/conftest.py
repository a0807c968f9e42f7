"""A user's own state."""

import pytest

from pocketrec.runtime import Personal


@pytest.fixture
def personal(featured):
    """Of the shop where nothing is recommended twice."""
    return Personal(featured)
