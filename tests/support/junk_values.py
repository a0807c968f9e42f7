"""What may stand where something else is expected: JSON of any shape, and Python's odder values."""

import datetime
import decimal
import fractions

import numpy as np
from hypothesis import strategies as st


class Unshowable:
    """Says nothing of itself, and is not to be compared."""

    def __repr__(self):
        raise RuntimeError("no words")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


def endless():
    """A list that holds itself."""
    nested = []
    nested.append(nested)
    return nested


huge = st.sampled_from([1, -1]).map(lambda sign: sign * 10**5000)
"""More digits than Python writes."""

numbers = st.one_of(
    st.integers(),
    st.integers(-3, 30),
    st.floats(),
    huge,
    st.sampled_from([10**400, -(10**400), 2**53, 2**63, -0.0, 1e308, 5e-324]),
)
texts = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(codec=None), max_size=4),  # lone surrogates too
    st.sampled_from(
        ["", " ", "\x00", "\u00e9", "e\u0301", "nan", "\uff11", "None", "True", "a\nb"]
    ),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
python_values = st.one_of(
    st.binary(max_size=4),
    st.complex_numbers(),
    st.fractions(),
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    st.sampled_from(
        [
            np.float32(2.5),
            np.float64("nan"),
            np.int8(-128),
            np.int64(7),
            np.uint64(2**64 - 1),
            np.bool_(True),
            np.str_("sku-001"),
            np.datetime64("2026-01-01"),
            np.timedelta64("NaT"),
            decimal.Decimal("7"),
            decimal.Decimal("sNaN"),
            fractions.Fraction(1, 3),
            datetime.date(2026, 1, 1),
            range(5),
            bytearray(b"x"),
            memoryview(b"xy"),
            object,
            object(),
            ...,
            NotImplemented,
            len,
        ]
    ),
    st.builds(Unshowable),
    st.builds(endless),
    st.builds(set),
    st.builds(lambda: {1, "a"}),
    st.builds(lambda: (n for n in (1, None))),
    st.builds(lambda: np.array(5)),
    st.builds(lambda: np.zeros((2, 3))),
    st.builds(lambda: np.array(["sku-001", "x"])),
    st.builds(lambda: np.array([1, None], object)),
)
junk = json_values | python_values
"""Anything."""
