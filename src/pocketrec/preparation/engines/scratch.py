"""Open an engine with a scratch folder of its own, which is gone when the work is done."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, PocketrecError, needs_extra
from ...storage.paths import AnyPath, Url, parse_path, remove
from .local import LocalEngine

if TYPE_CHECKING:
    from .beam import BeamEngine


@contextmanager
def local_engine(folder: Path, advance: Callable[[int], None]) -> Iterator[LocalEngine]:
    """The engine for this machine, with its scratch inside `folder`."""
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
        try:
            yield LocalEngine(Path(scratch), lambda: advance(1))
        except BaseException:
            # Threads of Polars that still write would create the folder again after it was
            # removed. Its name is unique, so it is safe to remove it for a while; the draft around
            # it is not, because another run may own that name by now.
            quiet_until = time.monotonic() + 0.3
            while time.monotonic() < quiet_until:
                shutil.rmtree(scratch, ignore_errors=True)
                time.sleep(0.01)
            raise


@contextmanager
def beam_engine(
    out: AnyPath, scratch: str | None, options: Sequence[str], advance: Callable[[int], None]
) -> Iterator[BeamEngine]:
    """The engine for many machines; `options` are Beam's, `scratch` a place that workers reach.

    Without `scratch` it is a folder beside `out`. Raises ConfigError when there can be no scratch
    folder there.
    """
    with needs_extra("--engine beam", "scale"):
        from .beam import BeamEngine

    root = _scratch_root(out, scratch)
    try:
        written_by_workers = out if isinstance(out, Url) else None
        engine = BeamEngine(root, list(options), lambda: advance(1), written_by_workers)
        _make(root)
        yield engine
    finally:
        with suppress(PocketrecError, OSError):  # the store may be out of reach by now
            remove(root)


def _scratch_root(out: AnyPath, scratch: str | None) -> AnyPath:
    token = secrets.token_hex(4)
    if isinstance(out, Path):
        out = out.absolute()  # workers run in folders of their own
    root: AnyPath = out.parent / f".{out.name}.scratch-{token}"
    if scratch is not None:
        root = parse_path(scratch, Path.cwd()) / f"pocketrec-{token}"
    if f"{root}/".startswith(f"{str(out).rstrip('/')}/"):
        raise ConfigError(
            f"the scratch folder '{root}' would be inside of --out '{out}': give --scratch a "
            "place beside it, or --out a folder in the bucket"
        )
    return root


def _make(root: AnyPath) -> None:
    try:
        if isinstance(root, Path):
            root.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"there can be no scratch folder in '{root.parent}' ({error.strerror}): give --scratch "
            "a folder that this machine and the workers can write"
        ) from error
