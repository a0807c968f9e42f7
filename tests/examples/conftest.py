"""The whole preparation of a log, as a fixture."""

import pytest

from pocketrec.artifact import new_folder
from pocketrec.examples.engines.local import LocalEngine
from pocketrec.examples.prepare import prepare
from pocketrec.examples.shards import KIND, PreparedData


@pytest.fixture(scope="session")
def prepare_log(tmp_path_factory):
    """A function from a log and a config to prepared data, opened."""

    def run(events, config, catalogue=None, users=None):
        folder = tmp_path_factory.mktemp("prepared")
        engine = LocalEngine(folder / "scratch")
        with new_folder(folder / "data", KIND) as draft:
            counts, features = prepare(events, catalogue, users, config, engine, draft.path)
            draft.manifest |= {
                "config": config.model_dump(mode="json", exclude_unset=True),
                "source": {},
                "counts": counts,
                "features": [feature.to_json() for feature in features],
            }
        return PreparedData.open(folder / "data")

    return run
