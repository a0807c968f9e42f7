"""A TOML is read right, or refused with one sentence."""

from hypothesis import strategies as st

from pocketrec.config.sections import Config
from support.runtime_calls import answered
from support.tally import fuzz


@fuzz("TOML: any text", 500, text=st.text())
def test_any_text(tmp_path, text):
    path = tmp_path / "any.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with answered():
        Config.load(path)
