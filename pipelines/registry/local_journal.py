"""What retrains did, as JSON and pictures in the folder of a local registry: ``runs/<key>/<candidate>/``."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "run.json"


class LocalJournal:
    """Runs in a folder.

    Args:
        folder: made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def parent(self, key: str, tags: Mapping[str, str]) -> "Iterator[LocalRun]":
        """As in ``Journal``."""
        with _opened(self._folder / key, tags) as run:
            yield run

    @contextmanager
    def child(self, parent: str, name: str, tags: Mapping[str, str]) -> "Iterator[LocalRun]":
        """As in ``Journal``."""
        with _opened(self._folder / parent / name, tags) as run:
            yield run


class LocalRun:
    """One run; its file is written when it ends."""

    def __init__(self, folder: Path, tags: Mapping[str, str]) -> None:
        self._folder = folder
        self.content: dict[str, Any] = {"tags": dict(tags), "params": {}, "metrics": {}, "curves": {}}

    def params(self, values: Mapping[str, str | int | float]) -> None:
        """As in ``Run``."""
        self.content["params"] |= values

    def metrics(self, values: Mapping[str, float]) -> None:
        """As in ``Run``."""
        self.content["metrics"] |= {name: value for name, value in values.items() if math.isfinite(value)}

    def curve(self, name: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """As in ``Run``."""
        self.content["curves"][name] = {"step": list(steps), "value": list(values)}

    def figure(self, name: str, figure: "Figure") -> None:
        """As in ``Run``."""
        figure.savefig(self._folder / f"{name}.png", format="png")

    def file(self, path: Path) -> None:
        """As in ``Run``."""
        shutil.copy(path, self._folder)

    def model(self, bundle: Path) -> str:
        """Keeps nothing: ``register`` does."""
        return ""


@contextmanager
def _opened(folder: Path, tags: Mapping[str, str]) -> Iterator[LocalRun]:
    folder.mkdir(parents=True, exist_ok=True)
    run = LocalRun(folder, tags)
    run.content["status"] = "failed"
    try:
        yield run
        run.content["status"] = "finished"
    finally:
        (folder / FILE).write_text(json.dumps(run.content, indent=2), encoding="utf-8")
