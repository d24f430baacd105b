"""The demonstration itself: learn from the quiet days, then watch the stream through the daemon's own loop."""

import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import numpy as np

from detector.bundle import Bundle
from detector.fitting.dataset import runs
from detector.fitting.fit import fit_detector
from detector.fitting.frames import align
from detector.members.base import Progress
from detector.members.presets import auto
from detector.types import DecisionBatch, cut, joined
from pipelines.clock import SystemClock
from pipelines.demo.stage import Stage
from pipelines.io.base import Context, Output, Sink
from pipelines.io.sinks.console import ConsoleConfig
from pipelines.serving import served
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Telemetry
from pipelines.wiring import assembled


def learn(stage: Stage, seed: int, progress: Progress) -> Bundle:
    """Fits the default detector to the quiet days of all pumps and saves it.

    Args:
        stage: the plant.
        seed: of the training.
        progress: told what is done and how far.
    """
    schema = stage.plant.record_schema
    data = [run for name, frame in stage.history().items() for run in runs(align(schema, frame, name))]
    bundle = fit_detector(auto(len(schema.channels)), schema, data, seed, progress)
    bundle.save(stage.bundle)
    return bundle


def watch(settings: Settings, bundle: Bundle, audience: Sequence[Sink]) -> None:
    """Streams the records that ``settings`` names until they end.

    Args:
        settings: as ``reconwatch run`` would read them; a console sink is left out.
        bundle: the detector.
        audience: sinks beside those of the settings.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        source = settings.source.open(clock)
        stack.callback(source.close)
        sinks = list(audience)
        for config in settings.sinks:
            if not isinstance(config, ConsoleConfig):
                sinks.append(config.open(Context(source, settings.detector.name)))
                stack.callback(sinks[-1].close)
        telemetry = Telemetry(settings.source.kind, settings.detector.name, served(bundle))
        processor = assembled(settings, bundle, source, sinks, telemetry, Health(clock), clock)
        processor.run(threading.Event())


def by_series(outputs: Iterable[Output]) -> dict[str, DecisionBatch]:
    """Sorts decisions by the name of their series, in order of time."""
    outputs = list(outputs)
    keys = np.concatenate([output.names for output in outputs])
    decisions = joined([output.decisions for output in outputs])
    return {name: cut(decisions, keys == name) for name in sorted(set(keys))}
