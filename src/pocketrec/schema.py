"""Names that all packages share: columns, files, signatures, and the letters of shapes.

Shapes are written with B batch, L history length, D embedding width, V items (without
padding), K results, C candidates, N blocked items, S numbers of an encoder's state, M values of
a feature at once. Item index 0 is padding; items are 1..V.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]

FeatureRows = Mapping[str, IntArray]
"""Feature rows by the name of their input: (n, M) for n events, (M,) for the user."""

LARGEST_LENGTH: Final = 4096
LARGEST_DIM: Final = 1024
LARGEST_BLOCKED: Final = 2**20
"""Limits of L, D and N, in a config and so in a bundle."""
LARGEST_STATE: Final = 2**16
"""Limit of S: copying a wider state to the model and back costs more than it saves."""

VERSION: Final = "0.1.0"
"""Of pocketrec; pyproject.toml reads it from here."""

PADDING: Final = 0
"""Item index that means "no event"; it is never recommended."""


class Column:
    """Column names of every table that pocketrec makes; no other module spells them out."""

    # Events, as ingest.read returns them.
    USER: Final = "user"
    ITEM: Final = "item"
    TIME: Final = "time"  # Int64: milliseconds since 1970, or any number that only sorts
    RATING: Final = "rating"
    ORDER: Final = "order"  # UInt32/UInt64: position in the input; breaks ties between times
    CLOCK: Final = "clock"  # Int64: milliseconds since 1970, null where unknown; for features.time

    # Catalogue, as ingest.read returns it and items.parquet keeps it.
    INDEX: Final = "index"
    COUNT: Final = "count"
    TITLE: Final = "title"

    # Sequences, one row per user.
    TRAIN_LENGTH: Final = "train_length"
    VALID_POSITION: Final = "valid_position"
    TEST_POSITION: Final = "test_position"

    @staticmethod
    def feature(name: str) -> str:
        """Column of an event's feature; the prefix keeps it apart from all other columns."""
        return f"event:{name}"

    @staticmethod
    def user_feature(name: str) -> str:
        """Column of a user's feature."""
        return f"user:{name}"


RESERVED: Final = frozenset({Column.INDEX, Column.ITEM, Column.COUNT, Column.TITLE})
"""Columns of a catalogue that are not attributes."""

LIST_SEPARATOR: Final = "|"
"""Separates several values in one text cell, as in MovieLens: "Comedy|Drama"."""


class File:
    """Names of the files in artifacts."""

    MANIFEST: Final = "manifest.json"
    ITEMS_TABLE: Final = "items.parquet"
    SHARDS: Final = "shards"
    CHECKPOINTS: Final = "checkpoints"
    LAST: Final = "last.safetensors"
    BEST: Final = "best.safetensors"
    METRICS: Final = "metrics.jsonl"
    TENSORBOARD: Final = "tensorboard"
    MODEL: Final = "model.tflite"
    ITEMS: Final = "items.json"


class Signature:
    """Names of the on-device signatures and of their tensors."""

    RECOMMEND: Final = "recommend"
    SCORE: Final = "score"
    ADAPT: Final = "adapt"
    STEP: Final = "step"  # only models whose encoder has a state

    ITEM_ID: Final = "item_id"  # int32 (1, L), oldest first, padded at the end with 0
    BLOCKED: Final = "blocked"  # int32 (1, N), 0 blocks nothing
    USER_VECTOR: Final = "user_vector"  # float32 (1, D), zeros change nothing
    CANDIDATES: Final = "candidates"  # int32 (1, C)
    TARGET: Final = "target"  # float32 (1, C), 1 = liked, -1 = disliked, 0 = padding
    STATE: Final = "state"  # float32 (1, S), zeros before the first event
    LEARNING_RATE: Final = "learning_rate"  # float32 (1, 1)
    IDS: Final = "ids"  # int32 (1, K)
    SCORES: Final = "scores"  # float32 (1, K) or (1, C)
