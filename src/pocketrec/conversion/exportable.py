"""Check that a config can be exported before it is trained, and cache the answer."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .. import models
from ..config.sections import Config
from ..features.encoding import Feature
from ..models.encoders import encoder_class
from ..storage.artifact import fingerprint
from ..storage.cache import is_remembered, remember

_KIND = "exportable"


def check_exportable(config: Config, features: Sequence[Feature] = ()) -> None:
    """Raise ConfigError unless the untrained model of a config can be converted to a .tflite.

    Converting takes seconds, most of them to import the converter. So a success is cached for the
    same sizes, features, source code and converter.
    """
    key = _key(config, features)
    if is_remembered(_KIND, key):
        return
    from .dry_run import dry_run  # imports the converter, which is slow

    dry_run(config, features)
    remember(_KIND, key)


def _key(config: Config, features: Sequence[Feature]) -> str:
    model = config.model
    names = [group.encoder for group in model.groups.values()] or [model.encoder]
    encoder_files = {Path(inspect.getfile(encoder_class(name))) for name in names}
    shared_files = set(Path(models.__file__).parent.rglob("*.py"))
    shared_files |= set(Path(__file__).parent.glob("*.py"))
    sources = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in encoder_files | shared_files
    }
    return fingerprint(
        sources,
        model.model_dump(mode="json"),
        [feature.to_json() for feature in features],
        config.export.quantization,
        [version(name) for name in ("litert-torch", "ai-edge-quantizer", "torch")],
    )
