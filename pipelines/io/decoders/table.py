"""The table of decoders: one line per layout."""

from typing import Annotated

from pydantic import Field

from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.wide import WideConfig

DecoderConfig = Annotated[WideConfig | LongConfig | EnvelopeConfig | BinaryConfig, Field(discriminator="kind")]
