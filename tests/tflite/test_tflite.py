"""Reading a .tflite as bytes: the facts of a good one, and one error for all bad ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.errors import BundleError
from pocketrec.tflite.inspect import inspect


@pytest.fixture(scope="module")
def content(fresh_shop):
    return (fresh_shop.bundle / "model.tflite").read_bytes()


def test_the_facts_of_a_bundle(content):
    facts = inspect(content)
    assert set(facts.signatures) == {"recommend", "score", "adapt", "step"}
    assert facts.signatures["recommend"].inputs["item_id"].dtype == "int32"
    assert facts.signatures["recommend"].inputs["item_id"].shape == (1, 16)
    assert "FULLY_CONNECTED" in facts.operators
    assert list(facts.operators) == sorted(set(facts.operators))
    assert any(c.shape == (26, 32) and c.dtype == "int8" for c in facts.constants)


@pytest.mark.parametrize("text", [b"", b"TFL3", b"\0\0\0\0TFL3", b"{}", b"PK\3\4" * 10])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(BundleError):
        inspect(text)


def inspect_or_refuse(content):
    try:
        inspect(content)
    except BundleError as error:
        assert len(str(error)) < 300  # noqa: PT017 (either outcome is right)


many = settings(
    max_examples=150,
    database=None,
    derandomize=True,
)


@many
@given(share=st.floats(0, 1))
def test_any_truncation_is_read_or_refused(content, share):
    inspect_or_refuse(content[: int(share * len(content))])


@many
@given(data=st.data())
def test_any_mutation_is_read_or_refused(content, data):
    changed = bytearray(content)
    # Tables lie at the ends of the file, weights between them.
    place = st.one_of(
        st.integers(0, 4000),
        st.integers(len(content) - 4000, len(content) - 5),
        st.integers(0, len(content) - 5),
    )
    for _ in range(data.draw(st.integers(1, 20))):
        word = st.one_of(st.binary(min_size=1, max_size=4), st.just(b"\xff" * 4))
        start, value = data.draw(place), data.draw(word)
        changed[start : start + len(value)] = value
    inspect_or_refuse(bytes(changed))
