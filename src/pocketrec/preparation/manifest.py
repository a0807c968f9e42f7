"""The manifest of prepared data: what was read, what was kept, and what a bundle will show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import ArtifactError
from ..storage import artifact, remote
from ..storage.paths import AnyPath

KIND = "prepared"


Manifest = TypeVar("Manifest", bound=BaseModel)


def validate_manifest(
    model: type[Manifest], content: dict[str, Any], folder: AnyPath, *, remedy: str
) -> Manifest:
    """The content of a manifest as its typed model; ArtifactError with the first key that is off.

    Its hash was right, so it is as it was written: by another version of pocketrec.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise ArtifactError(
            f"'{folder}' is of another version of pocketrec (its manifest has no valid "
            f"'{where}'): {remedy}"
        ) from None


class Size(BaseModel):
    """How large a log is at one point of the preparation."""

    events: int
    users: int
    items: int


class Counts(BaseModel):
    """What the preparation counted. Warnings quote ids of the log, and so end in no bundle."""

    rows: int
    read: Size
    kept: Size
    items: int
    training_events: int
    cuts: tuple[int, int] | None
    """Moments of a split by time: where validation begins, and where testing does."""
    largest_user: int
    dropped: dict[str, dict[str, int]]
    """By setting of [data]: the events, users or items that it drops."""
    oddities: dict[str, int]
    catalogue: dict[str, int] | None
    warnings: list[str]
    disclosed: dict[str, Any]
    """What of the log a bundle will show; see `describe_disclosure`."""


class PreparedManifest(BaseModel):
    """What manifest.json says of prepared data."""

    model_config = ConfigDict(frozen=True)

    made_from: str = ""
    """Fingerprint of the log and of the settings that decide what is made of it."""
    source: dict[str, Any]
    config: dict[str, Any]
    """[data], [split] and [features], as far as they were set."""
    features: list[dict[str, Any]]
    counts: Counts
    files: dict[str, Any] = {}
    """Bytes and sha256 of each file; filled in when the folder is written."""

    @classmethod
    def read(
        cls,
        folder: AnyPath,
        *,
        check_files: bool = True,
        choose: Callable[[list[str]], Iterable[str]] = lambda names: names,
    ) -> Self:
        """Check and read the manifest of a folder, or of one at a URL.

        The files that `choose` takes of all names are checked too; at a URL none are. Raises
        ArtifactError when something is damaged, or of another version.
        """
        if isinstance(folder, Path):
            content = artifact.open_manifest(folder, KIND, check_files=check_files, choose=choose)
        else:
            content = remote.open_manifest(folder, KIND)
        return validate_manifest(cls, content, folder, remedy="prepare it again")

    def content(self) -> dict[str, Any]:
        """What is written, but for the files, which are described when they are all there."""
        return self.model_dump(exclude={"files"})
