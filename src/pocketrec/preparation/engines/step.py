"""One step on a cluster: a folder where the command and its workers exchange values.

Values are pickled, because they refer to functions of ours by name; Beam pickles its own pipelines
in the same way. Whoever can choose the bytes that are unpickled can run any code, and a scratch
folder may be writable by others. So each step has a random key, which travels inside the pipeline
and never lies in the folder, and only values signed with that key are unpickled.
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
    """The folder with the values of one step, and the key that signs them."""

    folder: str
    key: bytes = field(default_factory=lambda: secrets.token_bytes(_WIDTH), repr=False)

    @property
    def path(self) -> AnyPath:
        """The folder."""
        return parse_path(self.folder)

    def write(self, name: str, value: Any) -> None:
        """Sign a value and write it, whole or not at all."""
        content = pickle.dumps(value)
        # The signature covers the name too, so that one value cannot replace another.
        signature = hmac.digest(self.key, name.encode() + content, _SIGNED)
        write_bytes(self.path / name, signature + content)

    def read(self, name: str) -> Any:
        """Read a value; FileNotFoundError if there is none, EngineError if it was not signed."""
        signed = read_bytes(self.path / name)
        signature, content = signed[:_WIDTH], signed[_WIDTH:]
        expected = hmac.digest(self.key, name.encode() + content, _SIGNED)
        if not hmac.compare_digest(signature, expected):
            raise EngineError(
                f"'{name}' in '{self.folder}' was not written by this command or its workers: give "
                "--scratch a place that only you and your workers can write"
            )
        return pickle.loads(content)  # noqa: S301 - signed with this step's key
