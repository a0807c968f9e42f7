"""What steps leave in a scratch folder is opened only if this very command signed it."""

import pickle
from pathlib import Path

import pytest

from pocketrec.errors import EngineError
from pocketrec.preparation.engines.step import Step


class Trap:
    """What touches a file as soon as it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_what_a_step_leaves_is_found(tmp_path):
    step = Step(str(tmp_path))
    step.write("work", {"items": [1, 2]})
    assert Step(step.folder, step.key).read("work") == {"items": [1, 2]}
    with pytest.raises(FileNotFoundError):
        step.read("found")


@pytest.mark.parametrize("signed_by", ["nobody", "another step"])
def test_what_somebody_else_left_is_not_opened(tmp_path, signed_by):
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))  # noqa: S301 - the trap works
    assert sprung.exists()
    sprung.unlink()
    step = Step(str(tmp_path))
    if signed_by == "nobody":
        (tmp_path / "work").write_bytes(pickle.dumps(Trap(sprung)))
    else:
        Step(str(tmp_path)).write("work", Trap(sprung))
    with pytest.raises(EngineError, match="not written by this command or its workers"):
        step.read("work")
    assert not sprung.exists()


def test_a_value_does_not_pass_for_another(tmp_path):
    step = Step(str(tmp_path))
    step.write("found", 1)
    (tmp_path / "work").write_bytes((tmp_path / "found").read_bytes())
    with pytest.raises(EngineError):
        step.read("work")
