"""Follows the configuration file: a thread compares its content and has a change applied between two commits.

Content, not file events: what Kubernetes mounts is a link to a folder that is replaced as a whole, which file events
do not see.
"""

import logging
import threading
from collections.abc import Callable

from detector.errors import ConfigError, ReconwatchError
from pipelines.telemetry import Telemetry

log = logging.getLogger(__name__)

EVERY_S = 5.0


class ConfigFollower:
    """Looks at the configuration every few seconds.

    Args:
        content: reads what the configuration says, as it stands.
        apply: has a changed configuration take effect; raises where it may not.
        telemetry: told how the last change went.
        every_s: between two looks.
    """

    def __init__(
        self,
        content: Callable[[], bytes],
        apply: Callable[[], None],
        telemetry: Telemetry,
        every_s: float = EVERY_S,
    ) -> None:
        self._content, self._apply, self._telemetry, self._every_s = content, apply, telemetry, every_s
        self._seen: bytes | None = content()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="config", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> None:
        """Looks once; a change that may not take effect is told, and what was in force stays so."""
        try:
            content = self._content()
        except ConfigError as error:
            if self._seen is not None:
                self._refused(error)
            self._seen = None
            return
        if content == self._seen:
            return
        self._seen = content
        try:
            self._apply()
        except ReconwatchError as error:
            self._refused(error)
        except Exception as error:  # noqa: BLE001 - whatever a broken configuration makes libraries raise
            self._refused(error)
        else:
            self._telemetry.configured(True)

    def _refused(self, error: Exception) -> None:
        self._telemetry.configured(False)
        log.error("the changed configuration is refused, the one before stays in force: %s", error)

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self.look()
