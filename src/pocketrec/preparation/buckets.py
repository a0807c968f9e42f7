"""The bucket of each user, by a hash of our own, so that all engines and versions agree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


FEWEST, MOST = 8, 4096
ROWS = 1_500_000
"""Rows of a bucket on average; each takes a few hundred bytes of memory."""


def choose_bucket_count(rows: int) -> int:
    """The number of buckets for a log of so many rows."""
    return min(MOST, max(FEWEST, -(-rows // ROWS)))


def bucket_of(ids: pl.Series, buckets: int) -> pl.Series:
    """Bucket 0..buckets-1 of each id, the same on every machine and in every version."""
    return pl.Series(ids.name, stable_hash(ids) % np.uint64(buckets), dtype=pl.UInt64).cast(
        pl.UInt16
    )


def unit_interval(ids: pl.Series, seed: int) -> pl.Series:
    """A number in [0, 1) for each id, fixed by id and seed, which selects held-out users."""
    mixed = _mix(stable_hash(ids) ^ _mix(np.full(1, seed + 1, np.uint64)))
    return pl.Series(ids.name, (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def stable_hash(ids: pl.Series) -> npt.NDArray[np.uint64]:
    """64-bit hash of integer or string ids: FNV-1a over UTF-8, finished as splitmix64 does.

    http://www.isthe.com/chongo/tech/comp/fnv/ and https://prng.di.unimi.it/splitmix64.c
    """
    if ids.dtype != pl.String:
        return _mix(ids.cast(pl.Int64).to_numpy().astype(np.uint64))
    return _mix(_fnv1a(ids))


def _fnv1a(ids: pl.Series) -> npt.NDArray[np.uint64]:
    """Hash all strings at once, one byte position per step, so that time depends on their bytes."""
    array = ids.to_arrow().cast(pa.large_binary())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    _, offset_buffer, byte_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(byte_buffer, np.uint8) if byte_buffer else np.empty(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = np.full(len(array), _FNV_OFFSET)
    # Longest first: the strings that still have a byte at `position` are a prefix.
    order = np.argsort(-lengths, kind="stable")
    starts, descending = starts[order], -lengths[order]
    running = hashes[order]
    for position in range(int(lengths.max(initial=0))):
        alive = int(np.searchsorted(descending, -position, side="left"))
        running[:alive] ^= content[starts[:alive] + position]
        running[:alive] *= _FNV_PRIME
    hashes[order] = running
    return hashes


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
