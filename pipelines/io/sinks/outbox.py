"""Alerts on their way to a receiver: a bounded queue in order, in memory or in a file that outlives the process."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from detector.alerting.alert import Alert
from detector.errors import SinkUnavailable

_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, alert BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS standing (series TEXT PRIMARY KEY, alert BLOB NOT NULL) WITHOUT ROWID;
"""
_OVER = "DELETE FROM waiting WHERE number IN (SELECT number FROM waiting ORDER BY number LIMIT ?)"


class Outbox:
    """Filled by the loop, emptied by one other thread.

    What is put is there when ``put`` returns. Where it is full, the oldest alerts give way: a receiver that comes back
    is to learn how things stand.

    Args:
        path: SQLite file; None keeps everything in memory.
        capacity: alerts that may wait.

    Attributes:
        standing: by series, what was delivered last of those that are firing; for the emptying thread.

    Raises:
        SinkUnavailable: the file cannot be used.
    """

    def __init__(self, path: Path | None, capacity: int) -> None:
        self._path, self._capacity = path, capacity
        self._changed = threading.Condition()
        self._closed = False
        with self._told():
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._store = sqlite3.connect(path or ":memory:", check_same_thread=False)
            self._store.executescript(_TABLES)
            self.standing = {
                str(series): Alert.model_validate_json(alert)
                for series, alert in self._store.execute("SELECT series, alert FROM standing")
            }
            self._waiting = self._counted()

    def __len__(self) -> int:
        return self._waiting

    def put(self, alerts: Sequence[Alert]) -> int:
        """Adds alerts and returns how many older ones had to give way.

        Raises:
            SinkUnavailable: the file cannot be written.
        """
        rows = [(alert.model_dump_json(),) for alert in alerts]
        with self._changed, self._told(), self._store:
            self._store.executemany("INSERT INTO waiting (alert) VALUES (?)", rows)
            over = max(0, self._waiting + len(rows) - self._capacity)
            self._store.execute(_OVER, (over,))
            self._waiting += len(rows) - over
            self._changed.notify_all()
            return over

    def first(self, count: int) -> dict[int, Alert]:
        """Returns the ``count`` oldest by their numbers, in order; they stay."""
        with self._changed:
            if self._closed:
                return {}
            query = "SELECT number, alert FROM waiting ORDER BY number LIMIT ?"
            found = self._store.execute(query, (count,)).fetchall()
        return {int(number): Alert.model_validate_json(alert) for number, alert in found}

    def done(self, batch: Mapping[int, Alert], *, delivered: bool) -> None:
        """Removes alerts; of those delivered it remembers which series are firing.

        Args:
            batch: as ``first`` gave it.
            delivered: False where they are given up.

        Raises:
            SinkUnavailable: the file cannot be written; the alerts stay.
        """
        with self._changed, self._told():
            if self._closed:
                return
            with self._store:
                self._store.executemany("DELETE FROM waiting WHERE number = ?", ((number,) for number in batch))
                for alert in batch.values() if delivered else ():
                    self._remember(alert)
            self._waiting = self._counted()
            self._changed.notify_all()

    def wait(self, timeout_s: float | None) -> None:
        """Waits until something waits here, or ``close``."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)

    def empty(self, timeout_s: float) -> bool:
        """Waits until nothing waits here; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def close(self) -> None:
        """Closes the file; who comes later finds nothing."""
        with self._changed:
            self._closed = True
            self._store.close()
            self._changed.notify_all()

    def _remember(self, alert: Alert) -> None:
        if alert.state == "firing":
            self._store.execute(
                "INSERT OR REPLACE INTO standing VALUES (?, ?)", (alert.series, alert.model_dump_json())
            )
            self.standing[alert.series] = alert
        else:
            self._store.execute("DELETE FROM standing WHERE series = ?", (alert.series,))
            self.standing.pop(alert.series, None)

    def _counted(self) -> int:
        return int(self._store.execute("SELECT count(*) FROM waiting").fetchone()[0])

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, ValueError) as error:
            place = self._path or "memory"
            raise SinkUnavailable(f"cannot keep alerts in {place}: {error}; check the disk or the spool.") from error
