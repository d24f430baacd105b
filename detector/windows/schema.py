"""What a stream consists of: channels, their units and order, and the event-time grid they are put on."""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.errors import SchemaMismatch
from detector.windows.categories import Categories

NS = 1_000_000_000
WEEK_S = 7 * 24 * 3600


class Channel(BaseModel):
    """One measured quantity of a series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Name as it stands in the data")
    unit: str = Field(default="", description="Unit of measurement, for people")
    categories: Categories | None = Field(
        default=None, description="Of a channel of text: the number that stands for each word"
    )
    gap: Literal["hold", "linear", "mask", "break"] = Field(
        default="hold",
        description="What stands in for a missing value: the last one (hold), a line between the neighbours of a "
        "wholly missing stretch (linear), nothing (mask), or a new beginning of the series (break)",
    )


class Schema(BaseModel):
    """Channels in their order and the step of the event-time grid.

    Attributes:
        channels: at least one, names unique.
        interval_s: seconds between rows; in ``rows`` alignment the typical step (1 row number = 1 second).
        alignment: ``rows`` takes every distinct time as a row of its own, ``grid`` puts readings into cells of
            ``interval_s``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[Channel, ...] = Field(min_length=1)
    interval_s: float = Field(default=1.0, gt=0)
    alignment: Literal["rows", "grid"] = "rows"
    has_clock: bool = Field(default=True, description="False where times are bare row numbers without a unit")

    @model_validator(mode="after")
    def _unique(self) -> "Schema":
        names = self.names
        if len(set(names)) != len(names):
            doubled = sorted({n for n in names if names.count(n) > 1})
            raise ValueError(f"channel names must be unique, these are repeated: {', '.join(doubled)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Channel names in order."""
        return tuple(channel.name for channel in self.channels)

    @property
    def categories(self) -> dict[str, Categories]:
        """What words count, by the name of the channel of text."""
        return {channel.name: channel.categories for channel in self.channels if channel.categories}

    @property
    def interval_ns(self) -> int:
        """Step of the grid in nanoseconds, at least 1."""
        return max(1, round(self.interval_s * NS))

    @property
    def rows_per_week(self) -> float | None:
        """How many rows a series gives in a week, None without a clock."""
        return WEEK_S / self.interval_s if self.has_clock else None

    @property
    def hash(self) -> str:
        """Twelve hex digits over channel names, units and order: equal hashes may exchange detectors."""
        text = "\n".join(f"{c.name}\t{c.unit}" for c in self.channels)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def check(self, names: tuple[str, ...], where: str) -> None:
        """Compares the channels found in data with those of this schema.

        Args:
            names: channel names found.
            where: what was read, for the message.

        Raises:
            SchemaMismatch: a channel is missing or unknown.
        """
        missing = [n for n in self.names if n not in names]
        unknown = [n for n in names if n not in self.names]
        if missing or unknown:
            parts = []
            if missing:
                parts.append(f"lacks {_listed(missing)}")
            if unknown:
                parts.append(f"has unknown {_listed(unknown)}")
            raise SchemaMismatch(
                f"{where} {' and '.join(parts)}: the detector was trained on the channels {_listed(list(self.names))}; "
                "score data with the same channels or train a new detector."
            )


def _listed(names: list[str], most: int = 8) -> str:
    shown = ", ".join(repr(n) for n in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
