"""Ends the process when its loop hangs in a call that never returns, or can commit nothing: the last resort.

Failed transactions are first recovered in the process. A call that hangs cannot be interrupted from outside, so
nothing is cleaned up here: what is not committed comes again after the restart.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from detector.errors import Stalled
from pipelines.stream.health import Health

_LOOKS = 10


class Watchdog:
    """Looks at the loop from a thread of its own.

    Args:
        health: written by the loop.
        end_after_s: how long the loop may get nowhere.
        end: ends the process; does not return.
    """

    def __init__(self, health: Health, end_after_s: float, end: Callable[[str], None]) -> None:
        self._health, self._end_after_s, self._end = health, end_after_s, end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begins to look; the loop is in the thread that calls."""
        self._loop = threading.get_ident()
        self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(self._end_after_s / _LOOKS, 5.0)):
            if reason := self._health.stuck(self._end_after_s):
                where = _innermost(self._loop)
                self._end(f"{reason}{where}; the process ends, what was not committed is read again by the next.")
                return


def end_process(sentence: str) -> None:
    """Says why and ends the process at once, whatever other threads hold."""
    print(f"reconwatch: {sentence}", file=sys.stderr, flush=True)
    os._exit(Stalled.exit_code)


def _innermost(thread: int) -> str:
    frame = sys._current_frames().get(thread)
    if frame is None:
        return ""
    file = "/".join(Path(frame.f_code.co_filename).parts[-3:])
    return f" (it is in {frame.f_code.co_name}, {file}:{frame.f_lineno})"
