"""The only place where wall time is read; everything else is given a ``Clock`` or works in event time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for the processes."""

    def now_s(self) -> float:
        """Returns seconds since 1970 UTC."""

    def monotonic_s(self) -> float:
        """Returns seconds since some moment; never runs backwards."""

    def sleep(self, seconds: float) -> None:
        """Waits; not at all for zero or less."""


class SystemClock:
    """The clock of the machine."""

    def now_s(self) -> float:
        """Returns seconds since 1970 UTC."""
        return time.time()

    def monotonic_s(self) -> float:
        """Returns seconds of the machine's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits; not at all for zero or less."""
        if seconds > 0:
            time.sleep(seconds)
