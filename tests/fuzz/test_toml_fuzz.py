"""A TOML is read right, or refused with one sentence."""

from answered import answered
from hypothesis import strategies as st

from pocketrec.toml import load_config
from tally import fuzz


@fuzz("TOML: any text", 500, text=st.text())
def test_any_text(tmp_path, text):
    path = tmp_path / "any.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with answered():
        load_config(path)
