"""What the verbs share in talking to people: progress, notes and results."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from detector.members.base import Progress as Callback


@contextmanager
def progress_bar() -> Iterator[Callback]:
    """Gives a callback (step, share done) that draws a bar per step on standard error, nothing off a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def update(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=1.0)
            bar.update(tasks[step], completed=share)

        yield update


def note(sentence: str) -> None:
    """Tells people something on standard error."""
    print(f"reconwatch: {sentence}", file=sys.stderr)


def result(values: Mapping[str, Any], as_json: bool) -> None:
    """Prints results, one JSON object for machines or a line each for people; None is left out for people."""
    if as_json:
        print(json.dumps(values))
        return
    width = max(map(len, values))
    for name, value in values.items():
        if value is not None:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            print(f"{name.replace('_', ' '):<{width}}  {shown}")
