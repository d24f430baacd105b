"""The bake-off itself: every entrant on every case with every seed, spread over processes."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from detector.errors import ConfigError
from detector.members.base import Progress
from pipelines.bakeoff.cases import Case
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.digits import plan
from pipelines.bakeoff.entrants import entrants
from pipelines.bakeoff.heat import Heat, case_of, run
from pipelines.bakeoff.marks import Marks

Told = Callable[[list[Marks]], None]
"""Called with all marks of an entrant as soon as there are all."""


def runs(config: BakeoffConfig) -> list[tuple[str, int]]:
    """Lists (case, seed) of all trainings that every entrant has; series are crossed with seeds."""
    if config.dataset == "digits":
        return list(plan(config.seeds, config.seed))
    return [(str(path), config.seed + number) for number in range(config.seeds) for path in config.data]


def cases(config: BakeoffConfig) -> list[Case]:
    """Reads every case once, so that unusable data is found before any training.

    Raises:
        DataError: some data cannot be used.
    """
    return [case_of(name, seed, config) for name, seed in dict(reversed(runs(config))).items()][::-1]


def heats(config: BakeoffConfig) -> list[Heat]:
    """Lists everything to do, entrant by entrant."""
    return [
        Heat(entrant, case, seed, pictured=number == 0 and entrant.role == "model")
        for entrant in entrants(config)
        for number, (case, seed) in enumerate(runs(config))
    ]


def contest(config: BakeoffConfig, workers: int, progress: Progress, told: Told) -> list[Marks]:
    """Runs all heats and returns their marks in the order of ``heats``, whatever finished first.

    Args:
        config: what to compare.
        workers: processes.
        progress: told how far it is.
        told: given the marks of each entrant when it is through.

    Raises:
        DataError: some data cannot be used.
    """
    wanted, each = heats(config), len(runs(config))
    found: dict[int, Marks] = {}
    for done, (number, marks) in enumerate(_run(wanted, config, workers), 1):
        found[number] = marks
        progress("bake-off", done / len(wanted))
        begin = number - number % each
        if all(place in found for place in range(begin, begin + each)):
            told([found[place] for place in range(begin, begin + each)])
    return [found[number] for number in range(len(wanted))]


def _run(wanted: list[Heat], config: BakeoffConfig, workers: int) -> Iterator[tuple[int, Marks]]:
    if workers == 1:
        for number, heat in enumerate(wanted):
            yield number, run(heat, config)
        return
    # Fresh processes: a fork would inherit the locks of the threads that numerical libraries have started.
    # Workers leave an interruption from the keyboard to this process.
    quiet = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, quiet) as pool:
        jobs = {pool.submit(run, heat, config): number for number, heat in enumerate(wanted)}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool as error:
            raise ConfigError("a worker was killed, most likely for want of memory; take fewer --workers.") from error
        finally:
            pool.shutdown(cancel_futures=True)
