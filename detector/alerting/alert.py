"""What people and machines are told about an anomaly."""

import hashlib
from collections.abc import Sequence
from math import floor, log10
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, computed_field

State = Literal["firing", "resolved"]
Severity = Literal["warning", "major", "critical"]


class ChannelShare(BaseModel):
    """One channel's part in the highest score of an alert; values in the channel's unit, null where unknown."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    name: str
    unit: str = ""
    share: float = Field(description="Share of the score, 0 to 1")
    actual: float | None = Field(default=None, description="What was measured")
    expected: float | None = Field(default=None, description="What the detector expected")
    low: float | None = Field(default=None, description="Lower edge of the band of normal values")
    high: float | None = Field(default=None, description="Upper edge of the band of normal values")

    def phrase(self) -> str:
        """The channel in words, ``pressure 2.1 bar, expected 3.9 (3.7 to 4.1), 71% of the score``."""
        share = f"{self.share:.0%} of the score"
        if self.actual is None or self.expected is None:
            return f"{self.name} {share}"
        band = [value for value in (self.low, self.high) if value is not None]
        digits = _digits([self.actual, self.expected, *band])
        unit = f" {self.unit}" if self.unit else ""
        within = f" ({band[0]:.{digits}f} to {band[1]:.{digits}f})" if len(band) == 2 else ""
        return f"{self.name} {self.actual:.{digits}f}{unit}, expected {self.expected:.{digits}f}{within}, {share}"


class Alert(BaseModel):
    """An anomaly of one series, as it stood when its state or severity changed."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str = Field(description="The same for all records of one alert, and again when the input is read again")
    state: State
    severity: Severity = Field(description="By the highest score so far")
    detector: str
    model_version: str
    series: str
    start_ns: int = Field(description="Event time of the first row over the limit, nanoseconds since 1970 UTC")
    end_ns: int | None = Field(default=None, description="Event time of the last conspicuous row; null while firing")
    peak_ns: int = Field(description="Event time of the highest score")
    peak_score: float = Field(description="Highest anomaly score; 1 is the limit")
    channels: tuple[ChannelShare, ...] = Field(default=(), description="Largest shares of the highest score first")

    @computed_field(description="start_ns as ISO 8601")
    def start(self) -> str:
        """Event time of the start as ISO 8601."""
        return _iso(self.start_ns)

    @computed_field(description="end_ns as ISO 8601")
    def end(self) -> str | None:
        """Event time of the end as ISO 8601."""
        return None if self.end_ns is None else _iso(self.end_ns)

    @computed_field(description="The alert in one sentence")
    def message(self) -> str:
        """The alert in one sentence."""
        return self.sentence()

    def sentence(self) -> str:
        """Says which series is affected and how its channels differ from what was expected."""
        phrases = [channel.phrase() for channel in self.channels] or [f"score {self.peak_score:.1f} times the limit"]
        return f"{self.series}: " * bool(self.series) + "; ".join(phrases)

    def record(self) -> dict[str, Any]:
        """The alert fit for JSON."""
        return self.model_dump(mode="json")


def alert_id(detector: str, series: str, start_ns: int) -> str:
    """Sixteen hex digits that name an alert: the same input gives the same id, whenever it is read."""
    return hashlib.sha256(f"{detector}\0{series}\0{start_ns}".encode()).hexdigest()[:16]


def _iso(time_ns: int) -> str:
    return f"{np.datetime64(time_ns, 'ns').astype('datetime64[ms]')}Z"


def _digits(values: Sequence[float]) -> int:
    """Decimal places that tell the values apart with two digits of their difference."""
    spread = max(values) - min(values) or abs(values[0])
    return min(max(1 - floor(log10(spread)), 0), 9) if spread > 0 else 0
