"""User encoders. Each file of this folder is one; `config/encoders.py` finds them."""

from __future__ import annotations

from importlib import import_module

from ...config.encoders import find_encoder
from ...config.model import ModelConfig
from ...errors import ConfigError
from .base import Encoder


def build_encoder(config: ModelConfig) -> Encoder:
    """The encoder that `config.encoder` names, with fresh weights from torch's generator."""
    return encoder_class(config.encoder)(config)


def encoder_class(name: str) -> type[Encoder]:
    """Import the class of a built-in encoder, or of "package.module:Class".

    Raises ConfigError when the module cannot be imported or the class is not an Encoder.
    """
    module, _, cls = find_encoder(name).target.partition(":")
    try:
        imported = getattr(import_module(module), cls)
    except Exception as error:  # a user's module runs, and may raise anything
        raise ConfigError(
            f"model.encoder = '{name}': importing '{module}' fails with "
            f"{type(error).__name__}: {error}"
        ) from error
    if not (isinstance(imported, type) and issubclass(imported, Encoder)):
        raise ConfigError(
            f"model.encoder = '{name}': class '{cls}' is not an Encoder: derive it from "
            "pocketrec.models.encoders.base.Encoder"
        )
    return imported
