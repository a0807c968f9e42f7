"""What a user may say, and what is then known of the user."""

import math

from hypothesis import strategies as st

from pocketrec.runtime.personal import UNDO
from support.small_shop import sku


class Words:
    """What is known of a user who said some words: written down from the documentation."""

    def __init__(self, once):
        self.once = once  # nothing is recommended twice
        self.said = []  # (id, verdict, time)
        self.earlier = []

    def say(self, item, verdict, time):
        """Whether it was taken."""
        number = isinstance(time, int | float) and not isinstance(time, bool)
        if item not in {sku(n) for n in range(25)} or not (time is None or number):
            return False
        if time is not None and not 0 <= time <= 8.64e12:
            return False
        contradicts = self.once or verdict == "dislike"
        kept = [w for w in self.said if w[0] != item or not (contradicts or w[1] == "dislike")]
        said = [*kept, (item, verdict, time)]
        times = [w[2] for w in said if w[1] != "dislike" and w[2] is not None]
        if times != sorted(times):
            return False
        self.change(said)
        return True

    def change(self, said):
        self.earlier = [*self.earlier, self.said][-UNDO:]
        self.said = said

    def undo(self):
        if not self.earlier:
            return False
        self.said = self.earlier.pop()
        return True

    @property
    def history(self):
        return [(item, time) for item, verdict, time in self.said if verdict != "dislike"]

    @property
    def blocked(self):
        return [item for item, verdict, _ in self.said if verdict == "dislike"]


which = st.sampled_from(["wide", "told", "narrow"])
known = st.integers(0, 6).map(sku)  # few, so that words meet
items = st.one_of(known, known, known, st.sampled_from(["sku-none", "", " sku-001", 7]))
times = st.one_of(st.none(), st.none(), st.integers(0, 30), st.sampled_from([-1, math.nan, 1e13]))
words = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["like", "seen", "dislike"]), items, times),
        st.tuples(st.sampled_from(["like", "seen", "dislike"]), known, st.none()),
        st.tuples(st.just("forget"), items),
        st.tuples(st.sampled_from(["undo", "undo", "reset", "restart"])),
        st.tuples(st.just("decay"), st.sampled_from([0, 0.5, 1, -1, 1.5, math.nan])),
    ),
    max_size=40,
)
