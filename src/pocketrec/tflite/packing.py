"""Rows of floats as small integers with one scale a row, and how a .tflite packs them into bytes.

`dtype` is "int8" or "int4" throughout.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LARGEST = {"int8": 127, "int4": 7}
"""The integer that a row's largest number becomes; -128 and -8 stay unused."""

Int8Array = npt.NDArray[np.int8]


def quantize_rows(
    rows: npt.NDArray[np.float32], dtype: str
) -> tuple[Int8Array, npt.NDArray[np.float32]]:
    """Rows (n, D) as integers (n, D) and scales (n,): a row is its integers times its scale."""
    largest = LARGEST[dtype]
    # A row of zeros still needs a scale above 0.
    scale = (np.maximum(np.abs(rows).max(1), 1e-12) / largest).astype(np.float32)
    return np.clip(np.rint(rows / scale[:, None]), -largest, largest).astype(np.int8), scale


def pack(integers: Int8Array, dtype: str) -> Int8Array:
    """Integers of any shape as a .tflite stores them; of "int4" two in a byte, the first below."""
    if dtype == "int8":
        return integers
    flat = integers.reshape(-1)
    flat = np.concatenate([flat, np.zeros(len(flat) % 2, np.int8)])
    pairs: Int8Array = (flat[::2] & 15) | (flat[1::2] << 4)
    return pairs


def unpack(data: bytes, dtype: str, width: int) -> Int8Array:
    """The reverse of `pack`, as rows (n, width)."""
    integers = np.frombuffer(data, np.int8)
    if dtype == "int4":
        # Shifting left, then right, repeats the sign bit of the lower half.
        integers = np.stack([integers << 4 >> 4, integers >> 4], -1).reshape(-1)
    return integers[: len(integers) // width * width].reshape(-1, width)
