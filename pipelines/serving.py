"""What serves: a bundle under settings. Whoever changes either has both made ready for the loop to take over."""

import hashlib
import logging
import math
import threading
from importlib.metadata import version
from pathlib import Path

import orjson

from detector.alerting.policy import AlertPolicy
from detector.bundle import Bundle, load
from detector.calibration.base import EventBudget
from detector.errors import SchemaMismatch
from detector.inference import Scorer, calibrate
from detector.windows.align import Aligner
from detector.windows.entities import SeriesIndex
from detector.windows.schema import Schema
from pipelines.io.base import Checkpoint, Decoder
from pipelines.io.decoders.table import open_decoder
from pipelines.settings import Settings
from pipelines.stream.drift import DriftWatch
from pipelines.stream.engine import Engine
from pipelines.stream.handover import Handover
from pipelines.stream.shards import Model
from pipelines.telemetry import Served

log = logging.getLogger(__name__)

LIVE = ("decoder", "grid", "align", "scoring", "alerts", "logging")
"""Sections that take effect without a restart: whatever is built anew with a detector."""


class Serving:
    """The bundle and the settings in force.

    Args:
        settings: read at the start.
        bundle: loaded at the start.
        handover: where what is ready is left for the loop.
        run_id: of the bundle's training, empty where no registry knows it.
    """

    def __init__(self, settings: Settings, bundle: Bundle, handover: Handover, run_id: str = "") -> None:
        self._settings, self._bundle, self._handover, self._run_id = settings, bundle, handover, run_id
        self._lock = threading.Lock()

    def adopt(self, folder: Path, run_id: str) -> None:
        """Has the bundle in a folder serve, under the id of its training.

        Raises:
            BundleError: it is not whole, or does not score as it did when it was trained.
            SchemaMismatch: it judges other channels.
        """
        with self._lock:
            bundle, schema = load(folder), self._bundle.detector.schema
            if bundle.detector.schema.hash != schema.hash:
                raise SchemaMismatch(
                    f"{folder} judges the channels {', '.join(bundle.detector.schema.names)}, the stream is read for "
                    f"{', '.join(schema.names)} (names, units and order count); start a daemon of its own for it."
                )
            ready = model(self._settings, bundle, run_id)
            self._bundle, self._run_id = bundle, run_id
            self._handover.offer(ready)

    def configure(self, settings: Settings) -> None:
        """Has the live sections of other settings take effect, and says which others wait for a restart.

        Raises:
            ConfigError: they do not fit the detector.
        """
        with self._lock:
            now = self._settings
            changed = [name for name in Settings.model_fields if getattr(settings, name) != getattr(now, name)]
            live = [name for name in changed if name in LIVE]
            waiting = [name for name in changed if name not in LIVE]
            merged = now.model_copy(update={name: getattr(settings, name) for name in live})
            if set(live) - {"logging"}:
                ready = model(merged, self._bundle, self._run_id)
                ready.shard(Checkpoint())  # what cannot be built must fail here, not in the loop
                self._handover.offer(ready)
            if "logging" in live:
                settings.logging.install()
            self._settings = merged
        if live:
            log.info("the changed configuration takes effect: %s", ", ".join(live))
        if waiting:
            log.warning("changed, and waiting for a restart: %s", ", ".join(waiting))


def model(settings: Settings, bundle: Bundle, run_id: str = "") -> Model:
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
        return open_decoder(settings.decoder, schema), engine

    bet = settings.retrain.drift.against(detector, calibrator, scoring.delay, bundle.seed)
    config = scoring.calibration
    budget = config.alarms_per_row(schema.rows_per_week) if isinstance(config, EventBudget) else None
    drift = DriftWatch(bet, schema.interval_ns)
    return Model(served(bundle, run_id), budget, drift, _shaping(settings, schema), shard)


def _shaping(settings: Settings, schema: Schema) -> str:
    """Returns a hash of everything beside the bundle that shapes the state of an engine."""
    parts = {
        "reconwatch": version("reconwatch"),
        "schema": schema.model_dump(mode="json"),
        "decoder": settings.decoder.model_dump(mode="json"),
        "align": settings.align.model_dump(mode="json"),
        "delay": settings.scoring.delay,
    }
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def served(bundle: Bundle, run_id: str = "") -> Served:
    """Returns what is told of a detector; ``run_id`` of its training, where a registry knows it."""
    members = bundle.config.model_dump(mode="json")["members"]
    networks = [member for member in members if "variant" in member]
    kinds = {member["kind"] for member in members if "variant" not in member}
    return Served(
        bundle.version,
        "+".join([*sorted({network["variant"]["kind"] for network in networks}), *sorted(kinds)]),
        "+".join(sorted({network["backbone"]["kind"] for network in networks})),
        run_id,
        bundle.facts.get("last_time_ns", float("nan")) / 1e9,
    )
