"""``reconwatch backfill``: a stretch of the input again, scored into another topic."""

import time
from contextlib import closing
from pathlib import Path

import click

from detector.errors import ConfigError
from pipelines.cli.options import config_options
from pipelines.cli.show import progress_bar, result
from pipelines.clock import SystemClock
from pipelines.io.kafka.config import KafkaConfig, KafkaSinkConfig
from pipelines.settings import Settings

EXAMPLE = """\b
Example:
  reconwatch backfill -c configs/kafka.yaml --from 2026-03-01 --to 2026-03-08 --to-topic scores-again
  reconwatch backfill -c configs/kafka.yaml --from 0:120000 --from 1:118000 --to-topic scores-new --bundle new.bundle
"""


@click.command(epilog=EXAMPLE)
@config_options
@click.option("--from", "since", multiple=True, help="First record: a time, or PARTITION:OFFSET; else the oldest.")
@click.option("--to", "until", multiple=True, help="Record behind the last: a time, or PARTITION:OFFSET; else now.")
@click.option("--to-topic", "target", required=True, help="Where scores go; created if there is none.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Detector; by default the one that serves.")
@click.option("--warm-up", type=click.IntRange(0), help="Most records that fill the windows first; else as a restart.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backfill(
    settings: Settings,
    since: tuple[str, ...],
    until: tuple[str, ...],
    target: str,
    bundle: Path | None,
    warm_up: int | None,
    as_json: bool,
) -> None:
    """Score the records from one time or offset up to another again, without touching the live group.

    Records before the first fill the windows, so that the scores are those of a daemon that had been there all along;
    where the log does not reach back far enough they are marked as warming. A time is compared with the timestamps
    that the records carry in Kafka. PARTITION:OFFSET may be repeated; partitions not named are left out. Run again
    after an interruption, it goes on where it stopped.
    """
    from detector.bundle import load
    from pipelines.io.base import Context
    from pipelines.io.kafka.rescore import Stretch
    from pipelines.io.kafka.span import bound, spans
    from pipelines.stream.health import Health
    from pipelines.telemetry import Served, Telemetry
    from pipelines.wiring import assembled

    source = _kafka(settings, target)
    judge = load(bundle or _serving(settings))
    most = source.max_rewind_records if warm_up is None else warm_up
    found = spans(source, bound(since, "--from"), bound(until, "--to"), most)
    _prepare(source, target)
    clock, begin_s = SystemClock(), time.monotonic()
    with (
        progress_bar() as show,
        closing(Stretch(source, clock, found, target, judge.version, lambda share: show("scoring", share))) as stretch,
    ):
        sink = KafkaSinkConfig(topic=target, content="scores", batched=_batched(settings))
        sinks = [sink.open(Context(stretch, settings.detector.name))]
        telemetry = Telemetry(source.kind, settings.detector.name, Served(judge.version))
        assembled(settings, judge, stretch, sinks, telemetry, Health(clock), clock).run(stretch.finished)
    facts = {
        "topic": target,
        "bundle": judge.version,
        "partitions": len(found),
        "records": sum(span.end - span.begin for span in found.values()),
        "warm_up_records": sum(span.begin - span.rewind for span in found.values()),
        "seconds": round(time.monotonic() - begin_s, 2),
    }
    result(facts, as_json)


def _kafka(settings: Settings, target: str) -> KafkaConfig:
    """Returns the source, unless results would mix with what it reads or a daemon writes."""
    source = settings.source
    if not isinstance(source, KafkaConfig):
        raise ConfigError(f"source.kind is {source.kind}: this command is for kafka.")
    live = {sink.topic for sink in settings.sinks if isinstance(sink, KafkaSinkConfig)}
    if target in {*live, *source.topics, source.state_topic}:
        raise ConfigError(f"topic {target} belongs to the live daemon; name another one with --to-topic.")
    return source


def _serving(settings: Settings) -> Path:
    from pipelines.registry.base import champion

    catalogue = settings.detector.catalogue()
    path = champion(catalogue, settings.detector.name).bundle if catalogue else settings.detector.bundle
    assert path is not None  # the settings demand one or the other
    return path


def _batched(settings: Settings) -> bool:
    """Scores take the form that the daemon gives them."""
    sinks = [sink for sink in settings.sinks if isinstance(sink, KafkaSinkConfig) and sink.content == "scores"]
    return sinks[0].batched if sinks else True


def _prepare(source: KafkaConfig, target: str) -> None:
    """Makes sure that the topic exists and is as wide as the input."""
    from pipelines.io.kafka.topics import FOREVER_MS, STAMPED, Topic, create, width

    wide = max(width(source, topic) for topic in source.topics)
    if not width(source, target):
        create(source, [Topic(target, wide, {"retention.ms": str(FOREVER_MS)} | STAMPED)], -1)
    if (there := width(source, target)) < wide:
        raise ConfigError(f"topic {target} has {there} partitions, the input {wide}; name another, or none yet.")
