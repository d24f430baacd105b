"""Looks at everything that a daemon of a configuration needs, each part for a limited time."""

from collections.abc import Callable, Iterator, Sequence

from detector.errors import ReconwatchError
from pipelines.clock import Clock
from pipelines.doctor import detector, machine, outlets
from pipelines.doctor.finding import Finding, failed
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.deadline import Overdue, within
from pipelines.settings import Settings

Part = Callable[[], Sequence[Finding]]


def examine(settings: Settings, clock: Clock, limit_s: float) -> Iterator[Finding]:
    """Yields what was found, part by part; nothing is changed, and no part takes longer than its limit.

    Args:
        settings: of the daemon.
        clock: wall time, to compare event times with.
        limit_s: seconds for each part.
    """
    for name, part in _parts(settings, clock).items():
        try:
            yield from within(limit_s, part)
        except Overdue:
            advice = "see whether a server hangs or a firewall swallows packets; a longer --limit-s waits longer"
            yield Finding(name, "fail", f"no answer within {limit_s:g} s", advice)
        except ReconwatchError as error:
            yield failed(name, error)


def _parts(settings: Settings, clock: Clock) -> dict[str, Part]:
    parts: dict[str, Part] = {"detector": lambda: list(detector.examine(settings))}
    source = settings.source
    if isinstance(source, KafkaConfig):
        parts |= {"kafka": lambda: _kafka(settings), "records": lambda: _records(settings, source, clock)}
    else:
        parts["source"] = lambda: _source(settings, clock)
    parts |= {
        "sinks": lambda: list(outlets.examine(settings)),
        "machine": lambda: list(machine.examine(settings)),
    }
    return parts


def _kafka(settings: Settings) -> list[Finding]:
    try:
        from pipelines.doctor import kafka
    except ModuleNotFoundError as error:
        return [Finding("kafka", "fail", f"{error.name} is not installed", "pip install 'reconwatch[kafka]'")]
    return list(kafka.examine(settings))


def _records(settings: Settings, source: KafkaConfig, clock: Clock) -> list[Finding]:
    try:
        from pipelines.doctor import records
    except ModuleNotFoundError:
        return []  # told with Kafka already
    bundle = detector.served(settings)
    return list(records.examine(settings, source, bundle, clock)) if bundle else []


def _source(settings: Settings, clock: Clock) -> list[Finding]:
    source = settings.source
    if source.kind == "file":
        source.open(clock).close()
    return [Finding("source", "ok", f"{source.kind} can be opened")]
