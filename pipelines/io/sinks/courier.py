"""Alerts to a receiver over HTTP, in a thread of its own: a slow or absent receiver never holds the scoring up.

An alert is put into an outbox before positions are committed and leaves it when the receiver took it, so each arrives
at least once: as long as the process lives, or as long as the disk does where a spool is named.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from detector.alerting.alert import Alert
from detector.errors import SinkUnavailable
from pipelines.io.base import Context, Output, Sink
from pipelines.io.sinks.outbox import Outbox
from pipelines.io.sinks.post import Address, Refused, Unanswered

log = logging.getLogger(__name__)


class DeliveryConfig(BaseModel):
    """How alerts are delivered over HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(default=None, description="Bearer token for the receiver; environment only")
    ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the receiver")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="How long an answer is waited for")
    retry_s: float = Field(default=1.0, gt=0, description="Wait after a first failure; doubles with every further one")
    max_retry_s: float = Field(default=60.0, gt=0, description="Longest wait between two attempts")
    queue: int = Field(default=10_000, ge=1, description="Alerts that may wait; past it the oldest are dropped")
    spool: Path | None = Field(default=None, description="SQLite file that keeps what waits; null: lost with a crash")
    close_s: float = Field(default=5.0, ge=0, description="How long the end of the daemon waits for the last alerts")
    link: str | None = Field(
        default=None,
        description="Address of a page about an alert; $detector, $series, $start_ms and $id are put in",
    )

    @field_validator("link")
    @classmethod
    def _fillable(cls, link: str | None) -> str | None:
        unknown = set(Template(link or "").get_identifiers()) - {"detector", "series", "start_ms", "id"}
        if unknown:
            raise ValueError(f"knows $detector, $series, $start_ms and $id, not ${sorted(unknown)[0]}")
        return link

    def linked(self, alert: Alert) -> str | None:
        """Returns the address of the page about an alert."""
        if self.link is None:
            return None
        told = {"detector": alert.detector, "series": alert.series, "id": alert.id}
        filled = {name: quote(value, safe="") for name, value in told.items()}
        return Template(self.link).safe_substitute(filled, start_ms=alert.start_ns // 1_000_000)

    def address(self, url: str, headers: Mapping[str, str] | None = None) -> Address:
        """Returns the receiver."""
        bearer = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
        return Address(url, {**(headers or {}), **bearer}, self.timeout_s, self.ca_file)


class Letters(Protocol):
    """Writes what a receiver understands.

    Attributes:
        most: alerts in one message.
        repeat_s: how often the receiver is told what is still firing, None if it remembers by itself.
    """

    @property
    def most(self) -> int:
        """Alerts in one message."""
        ...

    @property
    def repeat_s(self) -> float | None:
        """How often the receiver is told again what is still firing, None if it remembers by itself."""
        ...

    def message(self, alerts: Sequence[Alert], standing: Mapping[str, Alert], now_s: float) -> Any:
        """Returns a message, fit for JSON.

        Args:
            alerts: in order.
            standing: by series, what was delivered before and is still firing.
            now_s: wall time.
        """
        ...


class Courier(Sink):
    """Delivers alerts in order, again and again until they are taken.

    Args:
        kind: of the sink, in metrics and logs.
        address: of the receiver.
        letters: writes the messages.
        config: patience.
        context: counts what becomes of the alerts.

    Raises:
        SinkUnavailable: the spool cannot be used.
    """

    def __init__(self, kind: str, address: Address, letters: Letters, config: DeliveryConfig, context: Context) -> None:
        self._kind, self._address, self._letters, self._config = kind, address, letters, config
        self._count, self._clock = context.deliveries, context.clock
        self._outbox = Outbox(config.spool, config.queue)
        for outcome in (self._count.sent, self._count.dropped):
            outcome(kind, 0)  # from 0, so that the first one is an increase
        self._count.waiting(kind, len(self._outbox))
        self._taken: list[Alert] = []
        self._most, self._failures, self._repeated_s = letters.most, 0, float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=kind, daemon=True)
        self._thread.start()

    def write(self, output: Output) -> None:
        """Takes the alerts of ``output``."""
        self._taken += output.alerts

    def flush(self) -> None:
        """Puts what was taken where the thread finds it; never waits for the receiver.

        Raises:
            SinkUnavailable: the spool cannot be written.
        """
        if not self._taken:
            return
        dropped = self._outbox.put(self._taken)
        self._taken = []
        if dropped:
            log.warning("%s: more than %d alerts wait; %d are dropped", self._kind, self._config.queue, dropped)
            self._count.dropped(self._kind, dropped)
        self._count.waiting(self._kind, len(self._outbox))

    def settle(self, timeout_s: float) -> bool:
        """Waits until everything is delivered or given up; False if that takes longer."""
        return self._outbox.empty(timeout_s)

    def close(self) -> None:
        """Delivers the last alerts if the receiver answers; the rest stays in the spool, or is dropped and counted."""
        if not self._failures:
            self.settle(self._config.close_s)
        self._stop.set()
        left = len(self._outbox)
        self._outbox.close()
        if left and self._config.spool:
            log.warning("%s: %d alerts wait in %s for the next start", self._kind, left, self._config.spool)
        elif left:
            log.warning("%s: %d alerts were not delivered and are dropped", self._kind, left)
            self._count.dropped(self._kind, left)
        self._thread.join(timeout=1.0)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                due_s = self._repeat()
                if batch := self._outbox.first(self._most):
                    self._deliver(batch)
                else:
                    self._outbox.wait(due_s)
            except (Unanswered, SinkUnavailable) as error:
                self._patience(error)
            else:
                self._failures = 0

    def _deliver(self, batch: Mapping[int, Alert]) -> None:
        try:
            self._post([*batch.values()])
        except Refused as error:
            if len(batch) > 1:
                self._most = 1  # one of them is to blame: find it
                return
            log.error("%s: an alert is dropped, %s", self._kind, error)
            self._outbox.done(batch, delivered=False)
            self._count.dropped(self._kind, 1)
        else:
            self._outbox.done(batch, delivered=True)
            self._count.sent(self._kind, len(batch))
            self._most = self._letters.most
        self._count.waiting(self._kind, len(self._outbox))

    def _repeat(self) -> float | None:
        """Tells again what is firing, if it is time; returns the seconds until then, None for never."""
        every_s, standing = self._letters.repeat_s, [*self._outbox.standing.values()]
        if every_s is None or not standing:
            self._repeated_s = self._clock.monotonic_s()
            return every_s
        left_s = self._repeated_s + every_s - self._clock.monotonic_s()
        if left_s > 0:
            return left_s
        for start in range(0, len(standing), self._letters.most):
            try:
                self._post(standing[start : start + self._letters.most])
            except Refused as error:
                log.error("%s: what is firing cannot be repeated, %s", self._kind, error)
        self._repeated_s = self._clock.monotonic_s()
        return every_s

    def _post(self, alerts: Sequence[Alert]) -> None:
        self._address.post(self._letters.message(alerts, self._outbox.standing, self._clock.now_s()))

    def _patience(self, error: Exception) -> None:
        asked_s = getattr(error, "wait_s", None) or 0.0
        wait_s = min(max(self._config.retry_s * 2**self._failures, asked_s), self._config.max_retry_s)
        self._failures = min(self._failures + 1, 30)
        log.warning("%s: %s; trying again in %.3g s", self._kind, error, wait_s)
        self._stop.wait(wait_s)
