"""The words that stages share: column names, file names and the letters for shapes.

Shapes are written with B batch, L history length, D embedding width, V items (without
padding), K results, C candidates, N blocked items, S numbers of an encoder's state. Item index
0 is padding; items are 1..V.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]

FeatureRows = Mapping[str, IntArray]
"""Rows of features by their input's name: of events (n, M), of the user (M,)."""

LARGEST_LENGTH: Final = 4096
LARGEST_DIM: Final = 1024
LARGEST_BLOCKED: Final = 2**20
"""Most of L, D and N: what a config may ask for, and so what a bundle may have."""
LARGEST_STATE: Final = 2**16
"""Most of S: a wider state is not worth its way to the model and back."""

PADDING: Final = 0
"""Item index that stands for "no event"; it is never recommended."""


class Column:
    """Names of columns in every table that pocketrec makes; no other module spells them."""

    # Events, as logs.read gives them.
    USER: Final = "user"
    ITEM: Final = "item"
    TIME: Final = "time"  # Int64: milliseconds since 1970, or any order when it is no clock
    RATING: Final = "rating"
    ORDER: Final = "order"  # UInt32/UInt64: position in the input; breaks ties of time
    CLOCK: Final = "clock"  # Int64: milliseconds since 1970, null where unknown; for features.time

    # Catalogue, as logs gives it and items.parquet keeps it.
    INDEX: Final = "index"
    COUNT: Final = "count"
    TITLE: Final = "title"

    # Sequences, one row a user.
    TRAIN_LENGTH: Final = "train_length"
    VALID_POSITION: Final = "valid_position"
    TEST_POSITION: Final = "test_position"

    @staticmethod
    def feature(name: str) -> str:
        """Column of an event's feature, apart from all others whatever its name."""
        return f"event:{name}"

    @staticmethod
    def user_feature(name: str) -> str:
        """Column of a user's feature."""
        return f"user:{name}"


RESERVED: Final = frozenset({Column.INDEX, Column.ITEM, Column.COUNT, Column.TITLE})
"""Columns of a catalogue that are no attributes."""

LIST_SEPARATOR: Final = "|"
"""Between the values of one cell of text, as in MovieLens: "Comedy|Drama"."""


class File:
    """Names of files inside the artifacts."""

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
    STEP: Final = "step"  # of models whose encoder has a state

    ITEM_ID: Final = "item_id"  # int32 (1, L), oldest first, padded at the end with 0
    BLOCKED: Final = "blocked"  # int32 (1, N), 0 = nothing
    USER_VECTOR: Final = "user_vector"  # float32 (1, D), zero changes nothing
    CANDIDATES: Final = "candidates"  # int32 (1, C)
    TARGET: Final = "target"  # float32 (1, C), 1 = liked, -1 = disliked, 0 = padding
    STATE: Final = "state"  # float32 (1, S), zeros before the first event
    LEARNING_RATE: Final = "learning_rate"  # float32 (1, 1)
    IDS: Final = "ids"  # int32 (1, K)
    SCORES: Final = "scores"  # float32 (1, K) or (1, C)
