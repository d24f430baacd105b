"""The composition root: settings become live objects, and nothing else knows them all."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from detector.alerting.policy import AlertPolicy
from detector.bundle import Bundle, load
from detector.calibration.base import EventBudget
from detector.errors import SchemaMismatch
from detector.inference import Scorer, calibrate
from detector.windows.align import Aligner
from detector.windows.entities import SeriesIndex
from detector.windows.schema import Schema
from pipelines.clock import Clock
from pipelines.io.base import Checkpoint, Context, Decoder, Sink, Source
from pipelines.registry.base import champion
from pipelines.settings import Settings
from pipelines.stream.engine import Engine
from pipelines.stream.health import Health
from pipelines.stream.processor import Processor
from pipelines.stream.reload import Reloader
from pipelines.stream.server import Server
from pipelines.stream.shards import Model, Shards
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
def opened(settings: Settings, clock: Clock) -> Iterator[Daemon]:
    """Builds the daemon; everything opened is closed at the end, also when a later part cannot be opened.

    Outputs are opened late, so that nothing is left behind if anything else is wrong.

    Raises:
        ReconwatchError: a part cannot be opened.
    """
    with ExitStack() as stack:
        source = settings.source.open(clock)
        stack.callback(source.close)
        catalogue = settings.detector.catalogue()
        serving = champion(catalogue, settings.detector.name) if catalogue else None
        bundle = load(serving.bundle if serving else cast(Path, settings.detector.bundle))
        telemetry = Telemetry(settings.source.kind, settings.detector.name, bundle.version)
        health = Health(clock, settings.health.stale_s)
        server = Server(settings.server, telemetry.registry, health) if settings.server.enabled else None
        if server:
            stack.callback(server.close)
        sinks: list[Sink] = []
        context = Context(source, settings.detector.name)
        for config in settings.sinks:
            sinks.append(config.open(context))
            stack.callback(sinks[-1].close)
        reloader = None
        if catalogue and serving:
            prepare = partial(prepared, settings, bundle.detector.schema)
            reloader = Reloader(catalogue, serving.number, prepare, telemetry, settings.detector.reload_s)
            stack.callback(reloader.close)
        processor = assembled(settings, bundle, source, sinks, telemetry, health, clock, reloader)
        if reloader:
            reloader.start()
        if server:
            server.start()
        if settings.health.end_after_s:
            watchdog = Watchdog(health, settings.health.end_after_s, end_process)
            stack.callback(watchdog.close)
            watchdog.start()
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
    reloader: Reloader | None = None,
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
        reloader: brings other detectors, None if there are none.
    """
    shards = Shards(model(settings, bundle), source.committed())
    return Processor(source, shards, sinks, telemetry, health, clock, settings.dead_letters, reloader)


def prepared(settings: Settings, schema: Schema, bundle: Path) -> Model:
    """Returns the detector in a folder, ready to take the place of one with ``schema``.

    Raises:
        BundleError: it is not whole, or does not score as it did when it was trained.
        SchemaMismatch: it judges other channels.
    """
    loaded = load(bundle)
    if loaded.detector.schema.hash != schema.hash:
        raise SchemaMismatch(
            f"{bundle} judges the channels {', '.join(loaded.detector.schema.names)}, the stream is read for "
            f"{', '.join(schema.names)} (names, units and order count); start a daemon of its own for it."
        )
    return model(settings, loaded)


def model(settings: Settings, bundle: Bundle) -> Model:
    """Returns a detector as the loop takes it."""
    detector = bundle.detector
    schema = settings.grid.applied(detector.schema)
    scoring = settings.scoring
    calibrator = calibrate(detector, scoring.delay, scoring.calibration)

    def shard(checkpoint: Checkpoint) -> tuple[Decoder, Engine]:
        series = SeriesIndex()
        engine = Engine(
            Aligner(schema, settings.align),
            Scorer(detector, calibrator, scoring.delay),
            AlertPolicy(settings.alerts, schema, settings.detector.name, bundle.version),
            series,
            math.ceil(settings.align.lateness_s / schema.interval_s) + 2,
            checkpoint,
        )
        return settings.decoder.open(schema.names, series), engine

    config = scoring.calibration
    budget = config.alarms_per_row(schema.rows_per_week) if isinstance(config, EventBudget) else None
    return Model(bundle.version, budget, shard)
