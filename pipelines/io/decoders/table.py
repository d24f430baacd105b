"""The table of decoders: one line per layout."""

from typing import Annotated

from pydantic import Field

from detector.errors import ConfigError
from detector.windows.schema import Schema
from pipelines.io.base import Decoder
from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.wide import WideConfig

DecoderConfig = Annotated[WideConfig | LongConfig | EnvelopeConfig | BinaryConfig, Field(discriminator="kind")]


def open_decoder(config: DecoderConfig, schema: Schema) -> Decoder:
    """Returns a decoder for the channels of ``schema``.

    Raises:
        ConfigError: some channel holds text, which only wide records carry.
    """
    words = schema.categories
    if not words:
        return config.open(schema.names)
    if not isinstance(config, WideConfig):
        raise ConfigError(
            f"decoder.kind {config.kind} reads numbers only, and the detector's channel {next(iter(words))!r} holds "
            "text: use wide records."
        )
    return config.open(schema.names, words)
