"""Rows as small integers: known bytes, and back."""

import numpy as np
import pytest

from pocketrec.tflite.packing import LARGEST, pack, quantize_rows, unpack


def test_two_numbers_of_four_bits_fill_a_byte_the_first_in_its_lower_half():
    packed = pack(np.array([[1, -1], [7, -7]], np.int8), "int4")
    assert packed.tobytes() == b"\xf1\x97"


@pytest.mark.parametrize("dtype", LARGEST)
@pytest.mark.parametrize("width", [2, 3, 7])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_what_is_packed_is_unpacked(dtype, width, count):
    """Of odd widths too, where a row ends in the middle of a byte."""
    largest = LARGEST[dtype]
    random = np.random.default_rng(1)
    integers = random.integers(-largest, largest + 1, (count, width)).astype(np.int8)
    data = pack(integers, dtype).tobytes()
    assert len(data) == -(-integers.size // (2 if dtype == "int4" else 1))
    np.testing.assert_array_equal(unpack(data, dtype, width), integers)


def test_a_rows_largest_number_becomes_the_largest_integer():
    rows = np.array([[0.6, -1, 0.26], [0, 0, 0]], np.float32)
    integers, scale = quantize_rows(rows, "int4")
    assert integers.tolist() == [[4, -7, 2], [0, 0, 0]]
    np.testing.assert_allclose(scale, [1 / 7, 1e-12 / 7], rtol=1e-6)
    assert scale.dtype == np.float32


@pytest.mark.parametrize("dtype", LARGEST)
def test_no_number_is_off_by_more_than_half_a_step(dtype):
    rows = np.random.default_rng(1).normal(size=(50, 9)).astype(np.float32)
    integers, scale = quantize_rows(rows, dtype)
    error = np.abs(integers * scale[:, None] - rows)
    assert (error <= 0.5001 * scale[:, None]).all()
    assert np.abs(integers).max(1).tolist() == [LARGEST[dtype]] * 50
