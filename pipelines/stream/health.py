"""Whether the loop is alive and the daemon ready, as the probes and the watchdog ask."""

from pydantic import BaseModel, ConfigDict, Field

from pipelines.clock import Clock


class HealthConfig(BaseModel):
    """When a loop that gets nowhere is given up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stale_s: float = Field(default=30.0, gt=0, description="Without a sign of the loop for longer the probes fail")
    end_after_s: float | None = Field(
        default=600.0, gt=0, description="Without a sign or a possible commit for longer the process ends; null: never"
    )


class Health:
    """Written by the loop, read by the threads beside it; every attribute is set whole.

    Args:
        clock: wall time.
        stale_s: a loop that gave no sign for longer is taken for dead.
    """

    def __init__(self, clock: Clock, stale_s: float = HealthConfig().stale_s) -> None:
        self._clock = clock
        self._stale_s = stale_s
        self._beat_s = clock.monotonic_s()
        self._failing_s: float | None = None
        self._reason = "starting"
        self._halted = False
        self._concerns: dict[str, str] = {}

    def beat(self) -> None:
        """The loop is alive."""
        self._beat_s = self._clock.monotonic_s()

    def committed(self) -> None:
        """Results are committed."""
        self._failing_s = None

    def aborted(self) -> None:
        """Results could not be committed; their records come again."""
        if self._failing_s is None:
            self._failing_s = self._clock.monotonic_s()

    def unready(self, reason: str) -> None:
        """The daemon does not serve, for ``reason``."""
        self._reason = reason

    def concern(self, about: str, reason: str) -> None:
        """Sets why the daemon is not ready as far as one thing goes, empty if that is well."""
        self._concerns[about] = reason

    def halt(self, reason: str) -> None:
        """The loop has ended on purpose, for ``reason``; the process lives on to say so."""
        self._reason, self._halted = reason, True

    def ready(self) -> None:
        """The daemon serves."""
        self._reason = ""

    def stuck(self, limit_s: float) -> str:
        """Returns why the loop got nowhere for longer than ``limit_s``, empty if it did."""
        now_s = self._clock.monotonic_s()
        if self._halted:
            return ""
        if now_s - self._beat_s > limit_s:
            return f"the loop gave no sign for {now_s - self._beat_s:.0f} s"
        failing_s = self._failing_s
        if failing_s is not None and now_s - failing_s > limit_s:
            return f"nothing could be committed for {now_s - failing_s:.0f} s"
        return ""

    def dead(self) -> str:
        """Returns why the loop is taken for dead, empty if it is alive."""
        silent = self._clock.monotonic_s() - self._beat_s > self._stale_s
        return self.stuck(self._stale_s) if silent else ""

    def not_ready(self) -> str:
        """Returns why the daemon is not ready, empty if it is."""
        concerns = (reason for reason in list(self._concerns.values()) if reason)
        return self._reason or self.stuck(self._stale_s) or "; ".join(concerns)
