"""Every encoder, and an untrained model of each."""

import pytest

from pocketrec.config.encoders import ENCODERS, find_encoder
from support.untrained_models import build


def pytest_generate_tests(metafunc):
    """A test with a `name` runs for each encoder; with `layers` or `field`, for each it reads."""
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "name" not in metafunc.fixturenames or "name" in own:
        return
    names = metafunc.config.getoption("encoder") or ENCODERS
    fields = {name: ["dim", "max_length", *sorted(find_encoder(name).fields)] for name in names}
    if "layers" in metafunc.fixturenames:
        counts = {name: [1, 3] if "layers" in fields[name] else [None] for name in names}
        metafunc.parametrize("name, layers", [(name, n) for name in names for n in counts[name]])
    elif "field" in metafunc.fixturenames:
        metafunc.parametrize("name, field", [(name, f) for name in names for f in fields[name]])
    else:
        metafunc.parametrize("name", names)


@pytest.fixture
def model(name):
    return build(name).eval()
