"""User encoders, by the name that the TOML gives them."""

from __future__ import annotations

from collections.abc import Callable

from ...config.model import EncoderName, ModelConfig
from .base import Encoder
from .bow import BagOfWords
from .cnn import ConvolutionalEncoder
from .rnn import RecurrentEncoder
from .transformer import TransformerEncoder

ENCODERS: dict[EncoderName, Callable[[ModelConfig], Encoder]] = {
    "bow": BagOfWords,
    "cnn": ConvolutionalEncoder,
    "lstm": RecurrentEncoder,
    "gru": RecurrentEncoder,
    "transformer": TransformerEncoder,
}


def build_encoder(config: ModelConfig) -> Encoder:
    """The encoder that `config.encoder` names, with fresh weights from torch's generator."""
    return ENCODERS[config.encoder](config)
