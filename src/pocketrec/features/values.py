"""What counts as a number, an integer or a text among the values that a caller passes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import inf
from typing import Any, TypeGuard

import numpy as np

_REAL = (int, float, np.integer, np.floating)


def is_real(value: Any) -> TypeGuard[float]:
    """Whether a value is a Python or NumPy number, infinity and NaN included; bool is not."""
    # timedelta64 is a subclass of np.integer.
    return isinstance(value, _REAL) and not isinstance(value, bool | np.timedelta64)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite Python or NumPy number; bool is not."""
    return is_real(value) and -inf < value < inf


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a Python or NumPy integer; bool is not."""
    return is_real(value) and isinstance(value, int | np.integer)


def texts(value: Any) -> Iterable[str]:
    """A category's value, or each of a list, as text: 7, 7.0 and "7" give the same text."""
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, bool):
            yield str(one).lower()
        elif isinstance(one, float) and one.is_integer():
            yield str(int(one))
        elif isinstance(one, int):
            yield digits(one)
        elif one is not None and one == one:  # NaN does not equal itself
            yield str(one)


def digits(number: int) -> str:
    """An integer as decimal text, or as hexadecimal when Python refuses to write that many digits.

    No value of a log is spelled in hexadecimal, so such a number matches none.
    """
    try:
        return str(int(number))
    except ValueError:
        return hex(number)


def to_python(value: Any) -> Any:
    """NumPy numbers and arrays as Python's own, inside a list too."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, list | tuple):
        return [one.item() if isinstance(one, np.generic) else one for one in value]
    return value


def plain_name(name: str) -> str:
    """A column's name reduced to a-z, 0-9 and _, which names of inputs must consist of."""
    return re.sub("[^a-z0-9]+", "_", name.lower())
