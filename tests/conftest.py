"""What all tests may use: the small shop (see small_shop.py), made once a session."""

import os

import pytest

from pocketrec.preparation.data import PreparedData
from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.manifest import KIND
from pocketrec.preparation.prepare import run_preparation
from pocketrec.runtime import Recommender
from pocketrec.storage.draft import new_folder
from support.shared import begin_sharing, shared_folder
from support.small_shop import TOML, Shop, settings, shared_shop, succeed
from support.tally import CASES, TALLY, tried

# Models here are so small that threads cost more than they bring. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


SLOW_FOLDERS = {"conversion", "export", "fuzz", "hostile", "interruption", "load", "privacy"}
SLOW_FIXTURES = {
    *("shop", "fresh_shop", "featured", "narrow", "recommender"),
    *("recurrent_bundle", "recurrent", "browser", "wheel"),
}
"""Folders, and fixtures, that train, convert, start a browser or run long; see pyproject.toml."""


FEATURES = """\
[features]
event = { channel = "category", pieces = "number" }
time = ["gap", "now", "hour", "weekday"]
user = { country = "category", age = "number" }
item = { tags = "category", price = "number" }
"""


def pytest_configure(config):
    """Before any process of pytest-xdist begins."""
    begin_sharing(config)


def pytest_addoption(parser):
    parser.addoption("--encoder", action="append", help="run tests/models/test_encoder*.py on it")


def pytest_collection_modifyitems(items):
    """Mark each test of a slow folder or fixture: `make check` runs the others."""
    for item in items:
        if item.path.parent.name in SLOW_FOLDERS or SLOW_FIXTURES & {*item.fixturenames}:
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own():
    """What tests fetch and learn is not kept for the user who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POCKETREC_CACHE", str(shared_folder("cache", lambda _: None)))
        yield


@pytest.fixture(scope="session")
def shop() -> Shop:
    """A shop whose customers buy again: exclude_seen = false."""
    return shared_shop("shop")


@pytest.fixture(scope="session")
def fresh_shop() -> Shop:
    """The log where nothing is recommended twice; a quick encoder, every kind of feature."""
    toml = TOML.replace("exclude_seen = false", 'min_user_events = 3\nusers = "customers.csv"')
    toml = toml.replace("[model]", FEATURES + '[model]\nencoder = "bow"')
    toml += "[export]\nmax_ndcg_loss = 0.1\n"  # of 60 users, one is more than a hundredth
    return shared_shop("fresh shop", toml)


@pytest.fixture(scope="session")
def featured(fresh_shop) -> Recommender:
    """A recommender that reads features of events and users."""
    return Recommender.load(fresh_shop.bundle)


@pytest.fixture(scope="session")
def narrow(fresh_shop) -> Recommender:
    """Its graph is too small for most lists, which are then made outside of it."""
    sizes = settings("export", "results=7", "candidates=6", "blocked=5")

    def make(folder):
        succeed("export", fresh_shop.run, "--out", folder / "bundle", *sizes)

    return Recommender.load(shared_folder("narrow", make) / "bundle")


@pytest.fixture(scope="session")
def recurrent_bundle(fresh_shop):
    """A GRU, which remembers more than the newest L events, here 6; it reads all features."""
    train = settings("training", "epochs=2", "threads=1", "batch_labels=256")
    model = settings("model", "encoder=gru", "max_length=6", "dim=16")
    loose = settings("export", "max_ndcg_loss=0.9", "min_overlap=0.1")

    def make(folder):
        words = ["--data", fresh_shop.data, "--out", folder / "run"]
        succeed("train", fresh_shop.toml, *words, *train, *model)
        succeed("export", folder / "run", "--out", folder / "bundle", *loose)

    return shared_folder("recurrent", make) / "bundle"


@pytest.fixture(scope="session")
def recurrent(recurrent_bundle) -> Recommender:
    return Recommender.load(recurrent_bundle)


@pytest.fixture(scope="session")
def recommender(shop) -> Recommender:
    return Recommender.load(shop.bundle)


@pytest.fixture(scope="session")
def prepare_log(tmp_path_factory):
    """A function from a log and a config to prepared data, opened."""

    def run(events, config, catalogue=None, users=None):
        folder = tmp_path_factory.mktemp("prepared")
        engine = LocalEngine(folder / "scratch")
        with new_folder(folder / "data", KIND) as draft:
            counts, features = run_preparation(events, catalogue, users, config, engine, draft.path)
            draft.manifest |= {
                "config": config.model_dump(mode="json", exclude_unset=True),
                "source": {},
                "counts": counts,
                "features": [feature.to_json() for feature in features],
            }
        return PreparedData.open(folder / "data")

    return run


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add what another process tried (pytest-xdist)."""
    for kind, what, count in getattr(node, "workeroutput", {}).get("tried", []):
        tried(kind, what, count)


def pytest_sessionfinish(session):
    """Tell the process that began this one what was tried (pytest-xdist)."""
    output = getattr(session.config, "workeroutput", {})
    output["tried"] = [(*of, count) for of, count in TALLY.items()]


def pytest_terminal_summary(terminalreporter):
    """The table of what was tried; see tally.py."""
    if not TALLY:
        return
    terminalreporter.section("tried")
    for kind in sorted({kind for kind, _ in TALLY}, key=lambda kind: (kind != CASES, kind)):
        counts = {what: n for (of, what), n in sorted(TALLY.items()) if of == kind}
        terminalreporter.write_line(f"{sum(counts.values()):>9,} {kind}")
        for what, count in counts.items():
            terminalreporter.write_line(f"{count:>17,}  {what}")
