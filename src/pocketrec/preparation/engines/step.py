"""A step of a cluster: its folder, and the values that the command and its workers leave there.

Values are pickled, as Beam does with all that it carries, for they hold functions of ours by name.
A scratch folder may be open to others, and who can choose what is unpickled can run anything: so
each step has a key, which travels inside of the pipeline, and nothing is opened that was not signed
with it.
"""

from __future__ import annotations

import hmac
import pickle
import secrets
from dataclasses import dataclass, field
from typing import Any

from ...errors import EngineError
from ...storage.paths import AnyPath, parse_path, read_bytes, write_bytes

_SIGNED = "sha256"
_WIDTH = 32


@dataclass(frozen=True)
class Step:
    """Where values of one step are, and the key that they are signed with."""

    folder: str
    key: bytes = field(default_factory=lambda: secrets.token_bytes(_WIDTH), repr=False)

    @property
    def path(self) -> AnyPath:
        """The folder."""
        return parse_path(self.folder)

    def leave(self, name: str, value: Any) -> None:
        """Write a value, whole."""
        content = pickle.dumps(value)
        # The name is signed with it, so that no value can stand for another.
        signature = hmac.digest(self.key, name.encode() + content, _SIGNED)
        write_bytes(self.path / name, signature + content)

    def find(self, name: str) -> Any:
        """Read a value; FileNotFoundError for none, EngineError for one that is not ours."""
        found = read_bytes(self.path / name)
        signature, content = found[:_WIDTH], found[_WIDTH:]
        expected = hmac.digest(self.key, name.encode() + content, _SIGNED)
        if not hmac.compare_digest(signature, expected):
            raise EngineError(
                f"'{name}' in '{self.folder}' was changed by somebody else: give --scratch a place "
                "that only you and your workers can write"
            )
        return pickle.loads(content)  # noqa: S301 - signed by this very command
