"""Where threads that prepare a detector leave it, and the loop finds it between two commits."""

import threading

from pipelines.stream.shards import Model


class Handover:
    """A place for one detector; a later one takes the place of an earlier one that nobody fetched."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Model | None = None

    def offer(self, model: Model) -> None:
        """Leaves a detector that is to serve from now on."""
        with self._lock:
            self._model = model

    def fresh(self) -> Model | None:
        """Returns a detector that is to serve from now on, once; None where nothing changed."""
        with self._lock:
            model, self._model = self._model, None
            return model
