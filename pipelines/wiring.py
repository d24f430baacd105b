"""The composition root: settings become live objects, and nothing else knows them all."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from prometheus_client import ProcessCollector

from detector.bundle import Bundle, load
from pipelines.clock import Clock
from pipelines.io.base import Context, Sink, Source
from pipelines.io.kafka.config import KafkaConfig
from pipelines.loading import Origin
from pipelines.registry.base import champion
from pipelines.serving import Serving, model, served
from pipelines.settings import Settings
from pipelines.stream.follow import ConfigFollower
from pipelines.stream.handover import Handover
from pipelines.stream.health import Health
from pipelines.stream.processor import Processor
from pipelines.stream.reload import Reloader
from pipelines.stream.server import Server
from pipelines.stream.shards import Shards
from pipelines.stream.snapshots import Snapshots
from pipelines.stream.watchdog import Watchdog, end_process
from pipelines.telemetry import Telemetry


class Daemon(NamedTuple):
    """What ``reconwatch run`` runs.

    Attributes:
        processor: the loop.
        server: answers beside it, None if it is not wanted.
    """

    processor: Processor
    server: Server | None


@contextmanager
def opened(settings: Settings, clock: Clock, origin: Origin | None = None) -> Iterator[Daemon]:
    """Builds the daemon; everything opened is closed at the end, also when a later part cannot be opened.

    Outputs are opened late, so that nothing is left behind if anything else is wrong.

    Args:
        settings: of the daemon.
        clock: wall time.
        origin: where the settings come from, followed while the daemon runs; None if they are final.

    Raises:
        ReconwatchError: a part cannot be opened.
    """
    with ExitStack() as stack:
        source = settings.source.open(clock)
        stack.callback(source.close)
        catalogue = settings.detector.catalogue()
        first = champion(catalogue, settings.detector.name) if catalogue else None
        bundle = load(first.bundle if first else cast(Path, settings.detector.bundle))
        run_id = first.run_id if first else ""
        telemetry = Telemetry(settings.source.kind, settings.detector.name, served(bundle, run_id), settings.metrics)
        ProcessCollector(registry=telemetry.registry)
        health = Health(clock, settings.health.stale_s)
        server = Server(settings.server, telemetry.registry, health, clock) if settings.server.enabled else None
        if server:
            stack.callback(server.close)
        sinks: list[Sink] = []
        context = Context(source, settings.detector.name, telemetry, clock)
        for config in settings.sinks:
            sinks.append(config.open(context))
            stack.callback(sinks[-1].close)
        snapshots = None
        if settings.snapshots and isinstance(settings.source, KafkaConfig):
            snapshots = settings.snapshots.open(settings.source.group, telemetry, clock)
        handover = Handover()
        serving = Serving(settings, bundle, handover, run_id)
        processor = assembled(settings, bundle, source, sinks, telemetry, health, clock, handover, snapshots)
        beside: list[Reloader | ConfigFollower | Watchdog] = []
        if catalogue and first:
            beside.append(Reloader(catalogue, first.number, serving.adopt, telemetry, settings.detector.reload_s))
        if origin and origin.path:
            beside.append(ConfigFollower(origin.content, lambda: serving.configure(origin.read()), telemetry))
        if settings.health.end_after_s:
            beside.append(Watchdog(health, settings.health.end_after_s, end_process))
        if server:
            server.start()
        for thread in beside:
            stack.callback(thread.close)
            thread.start()
        stack.callback(health.unready, "stopped")
        yield Daemon(processor, server)


def assembled(
    settings: Settings,
    bundle: Bundle,
    source: Source,
    sinks: Sequence[Sink],
    telemetry: Telemetry,
    health: Health,
    clock: Clock,
    handover: Handover | None = None,
    snapshots: Snapshots | None = None,
) -> Processor:
    """Puts the loop together from parts that are open already; of the settings it takes what lies between them.

    Args:
        settings: decoder, grid, align, scoring, alerts, dead letters and the detector's name are used.
        bundle: the detector.
        source: where records come from; its checkpoint says where to go on.
        sinks: where results go.
        telemetry: where everything is counted.
        health: told how the loop fares.
        clock: wall time.
        handover: where other detectors are found, None if there are none.
        snapshots: what restarts are shortened by, None if they are not.
    """
    shards = Shards(model(settings, bundle), source.committed(), snapshots)
    return Processor(source, shards, sinks, telemetry, health, clock, settings.dead_letters, handover)
