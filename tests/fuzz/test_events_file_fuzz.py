"""What `pocketrec recommend --events` reads: a history, or one sentence."""

import json
import warnings
from contextlib import suppress

from hypothesis import strategies as st

from pocketrec.cli.recommend import read_events
from support.junk_values import json_values, numbers
from support.runtime_calls import answered
from support.small_shop import sku
from support.tally import fuzz

known = st.integers(0, 24).map(sku)
entries = st.fixed_dictionaries(
    {},
    optional={
        "id": known | json_values,
        "time": st.none() | st.integers(0, 10**9) | numbers | json_values,
        "features": st.dictionaries(st.sampled_from(["channel", "x"]), json_values) | json_values,
    },
)


def text_of(value):
    """A value as JSON, or as what stands in a file instead of it."""
    with suppress(ValueError):
        return json.dumps(value).encode()
    return b"9" * 5000


@fuzz(
    "recommend --events: a file of anything",
    600,
    content=st.binary() | st.lists(entries, max_size=4).map(text_of) | json_values.map(text_of),
)
def test_a_file_of_events_is_read_or_refused(featured, tmp_path, content):
    path = tmp_path / "events.json"
    path.write_bytes(content)
    with answered() as outcome, warnings.catch_warnings(action="ignore", category=UserWarning):
        events = read_events(path)
        lines = featured.recommend(events, k=3)
    if outcome.error is None:
        entries = json.loads(content)
        assert isinstance(entries, list)
        assert [event.id for event in events] == [entry["id"] for entry in entries]
        assert [event.time for event in events] == [entry.get("time") for entry in entries]
        assert len(lines) == 3
