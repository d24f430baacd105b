"""Hot reload: a thread watches the champion's alias and prepares what it points to; the loop swaps between commits.

A swap is a restart without a new process: the source goes back to the committed rewind offsets and the new detector
reads the windows again from there. No sample is lost, none is judged twice, and from the first row on the scores are
those that the new detector would have given all along. (Windows scaled back and forth would not be the same bits, and
what the old detector had pending or held would be mixed into the scores of the new one.)
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from detector.errors import ReconwatchError, RegistryUnavailable
from pipelines.registry.base import Catalogue
from pipelines.telemetry import Telemetry

log = logging.getLogger(__name__)


class Reloader:
    """Watches one alias.

    Args:
        catalogue: asked in the thread only.
        number: the version that serves.
        adopt: proves the bundle in a folder and has it serve under the id of its training; raises where it may not.
        telemetry: where outcomes are counted.
        every_s: between two looks.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        number: int,
        adopt: Callable[[Path, str], None],
        telemetry: Telemetry,
        every_s: float,
    ) -> None:
        self._catalogue, self._adopt, self._telemetry, self._every_s = catalogue, adopt, telemetry, every_s
        self._number = number
        self._refused: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> None:
        """Looks once; whatever is wrong is counted and told, and the detector that serves goes on."""
        try:
            number = self._catalogue.resolve("champion")
            if number is None or number == self._number or number == self._refused:
                return
            self._adopted(number)
        except RegistryUnavailable as error:
            self._telemetry.reloaded("unavailable")
            log.warning("no news of the champion: %s", error)
        except ReconwatchError as error:
            self._refused = number
            self._telemetry.reloaded("refused")
            log.error("version %d is refused, version %d goes on: %s", number, self._number, error)
        else:
            self._number, self._refused = number, None
            self._telemetry.reloaded("swapped")

    def _adopted(self, number: int) -> None:
        try:
            self._adopt(self._catalogue.fetch(number), self._catalogue.run_id(number))
        except ReconwatchError:
            raise
        except Exception as error:  # whatever a broken version makes the libraries raise, the old one serves on
            raise ReconwatchError(f"unexpected {type(error).__name__}: {error}") from error

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self.look()
