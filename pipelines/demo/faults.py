"""Ways in which a pump breaks, put into its readings at known times."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.types import Floats, Ints
from pipelines.demo.plant import CHANNELS, PlantConfig

QUIET_HOURS = 4
"""Hours at the beginning of the stream without a fault, while windows fill."""

_FLOW, _PRESSURE, _VIBRATION, _CURRENT, _TEMPERATURE = range(len(CHANNELS))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one pump.

    Attributes:
        kind: what breaks.
        series: name of the pump.
        start_ns: time of the first row that shows it.
        end_ns: time of the last.
    """

    kind: str
    series: str
    start_ns: int
    end_ns: int


def spike(rows: Floats, rng: np.random.Generator) -> None:
    """A pressure surge: a valve slams, pressure rings for some minutes."""
    ring = np.exp(-np.arange(len(rows)) / 4) * np.cos(np.arange(len(rows)) * 1.9)
    rows[:, _PRESSURE] += rng.uniform(2.6, 3.2) * ring
    rows[:, _FLOW] -= 14 * np.abs(ring)


def stuck_sensor(rows: Floats, rng: np.random.Generator) -> None:
    """The flow sensor repeats its last value for hours."""
    rows[:, _FLOW] = rows[0, _FLOW]


def leak(rows: Floats, rng: np.random.Generator) -> None:
    """A pipe opens: flow rises, pressure falls, the motor works harder."""
    opening = np.clip(np.arange(len(rows)) / 20, 0, 1)
    rows[:, _FLOW] += rng.uniform(14, 20) * opening
    rows[:, _PRESSURE] -= rng.uniform(0.9, 1.3) * opening
    rows[:, _CURRENT] += 2.5 * opening


def cavitation(rows: Floats, rng: np.random.Generator) -> None:
    """Vapour in the pump: it shakes, pressure and flow become restless and fall."""
    n = len(rows)
    rows[:, _VIBRATION] *= 1 + np.abs(rng.normal(0.8, 0.35, n))
    rows[:, _PRESSURE] *= 1 - np.abs(rng.normal(0.06, 0.04, n))
    rows[:, _FLOW] *= 1 - np.abs(rng.normal(0.07, 0.04, n))


def lost_channel(rows: Floats, rng: np.random.Generator) -> None:
    """The current is no longer reported; the stream goes on without it."""
    rows[:, _CURRENT] = np.nan


@dataclass(frozen=True, slots=True)
class _Kind:
    apply: Callable[[Floats, np.random.Generator], None]
    minutes: int
    hour: float | None = None
    """Hour of the day at which it begins; None for any."""


# A sensor that stands still says nothing wrong while the pump does too: it fails before the morning peak.
KINDS = {
    "spike": _Kind(spike, 12),
    "cavitation": _Kind(cavitation, 90),
    "leak": _Kind(leak, 150),
    "stuck sensor": _Kind(stuck_sensor, 180, hour=4.5),
    "lost channel": _Kind(lost_channel, 240, hour=4.5),
}


def inject(values: Floats, time_ns: Ints, config: PlantConfig, rng: np.random.Generator) -> tuple[Fault, ...]:
    """Breaks ten pumps in the streamed days, two for every kind of fault.

    Args:
        values: [P, N, F], changed in place.
        time_ns: [N].
        config: of the plant.
        rng: source of chance.

    Returns:
        The faults in order of time.
    """
    kinds = list(KINDS) * 2
    pumps = rng.permutation(config.pumps)[: len(kinds)]
    faults = []
    for turn, (name, pump) in enumerate(zip(kinds, pumps, strict=True)):
        kind = KINDS[name]
        rows = kind.minutes * 60 // config.interval_s
        begin = _begin(kind, turn, len(kinds), rows, config, rng)
        kind.apply(values[pump, begin : begin + rows], rng)
        faults.append(Fault(name, config.names[pump], int(time_ns[begin]), int(time_ns[begin + rows - 1])))
    return tuple(sorted(faults, key=lambda fault: fault.start_ns))


def _begin(kind: _Kind, turn: int, turns: int, rows: int, config: PlantConfig, rng: np.random.Generator) -> int:
    """Spreads the beginnings over the streamed days, the first of them soon after the quiet hours."""
    per_hour = config.rows_per_day // 24
    quiet = QUIET_HOURS * per_hour
    if kind.hour is None:
        room = (config.rows - config.history_rows - quiet - rows) // turns
        return config.history_rows + quiet + turn * room + int(rng.integers(room // 2))
    day = int(rng.integers(config.live_days))
    return config.history_rows + day * config.rows_per_day + round((kind.hour + rng.uniform(0, 1)) * per_hour)
