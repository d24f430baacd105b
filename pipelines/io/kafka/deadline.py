"""Calls that may never return, given a limit."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Overdue(Exception):
    """A call did not return in time; its thread is left behind."""


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """Returns what ``call`` returns, or raises what it raises, if it does so in time.

    Raises:
        Overdue: it did not.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller below
            failures.append(error)

    # A daemon: a wedged call must not keep the process from ending.
    thread = threading.Thread(target=run, name="kafka-deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Overdue
    if failures:
        raise failures[0]
    return results[0]
