"""Whether the loop is alive and the daemon ready, as the probes ask."""

from pipelines.clock import Clock

STALE_S = 30.0


class Health:
    """Written by the loop, read by the server's thread; every attribute is set whole.

    Args:
        clock: wall time.
        stale_s: a loop that gave no sign for longer is taken for dead.
    """

    def __init__(self, clock: Clock, stale_s: float = STALE_S) -> None:
        self._clock = clock
        self._stale_s = stale_s
        self._beat_s = clock.monotonic_s()
        self._reason = "starting"

    def beat(self) -> None:
        """The loop is alive."""
        self._beat_s = self._clock.monotonic_s()

    def unready(self, reason: str) -> None:
        """The daemon does not serve, for ``reason``."""
        self._reason = reason

    def ready(self) -> None:
        """The daemon serves."""
        self._reason = ""

    def dead(self) -> str:
        """Returns why the loop is taken for dead, empty if it is alive."""
        silent_s = self._clock.monotonic_s() - self._beat_s
        return f"the loop gave no sign for {silent_s:.0f} s" if silent_s > self._stale_s else ""

    def not_ready(self) -> str:
        """Returns why the daemon is not ready, empty if it is."""
        return self._reason or self.dead()
