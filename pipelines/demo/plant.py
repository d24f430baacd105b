"""A pump station on paper: pumps that follow the town's thirst, with channels tied together by physics.

Demand (two peaks a day, weather, chance) sets the speed of a pump; speed sets flow, pressure and motor current by the
affinity laws (flow ~ n, head ~ n^2, power ~ n^3); the bearing warms up slowly with the motor's heat.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.signal import lfilter

from detector.types import Floats, Ints
from detector.windows.schema import NS, Channel, Schema

DAY_S = 86_400
MONDAY_NS = 1_772_409_600 * NS
"""2026-03-02 00:00 UTC."""

CHANNELS = (
    Channel(name="flow", unit="m3/h"),
    Channel(name="pressure", unit="bar"),
    Channel(name="vibration", unit="mm/s"),
    Channel(name="current", unit="A"),
    Channel(name="temperature", unit="degC"),
)


class PlantConfig(BaseModel):
    """Size of the plant and of its records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pumps: int = Field(default=12, ge=10, description="Pumps, each a series; ten of them break")
    interval_s: int = Field(default=60, gt=0, description="Seconds between readings")
    history_days: int = Field(default=7, ge=1, description="Days without a fault, to learn from")
    live_days: int = Field(default=3, ge=1, description="Days streamed")

    @property
    def record_schema(self) -> Schema:
        """Channels and grid of every pump."""
        return Schema(channels=CHANNELS, interval_s=self.interval_s)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pumps."""
        return tuple(f"pump-{number:02d}" for number in range(1, self.pumps + 1))

    @property
    def history_rows(self) -> int:
        """Rows of a pump without a fault."""
        return self.history_days * self.rows_per_day

    @property
    def rows(self) -> int:
        """Rows of a pump in all."""
        return self.history_rows + self.live_days * self.rows_per_day

    @property
    def rows_per_day(self) -> int:
        """Rows of a pump and day."""
        return DAY_S // self.interval_s

    def times(self) -> Ints:
        """Returns the event time of every row, [N] int64 nanoseconds."""
        return MONDAY_NS + np.arange(self.rows, dtype=np.int64) * self.interval_s * NS


def simulate(config: PlantConfig, rng: np.random.Generator) -> Floats:
    """Runs the healthy plant.

    Args:
        config: size.
        rng: source of chance.

    Returns:
        [P, N, F] float64, pumps by rows by the channels of ``CHANNELS``.
    """
    shape = (config.pumps, config.rows)
    day = np.arange(config.rows) / config.rows_per_day
    speed = 0.55 + 0.42 * _demand(day, config, rng)
    wear = rng.uniform(0.97, 1.03, (config.pumps, 1))
    drift = 1 + _drifts(config.pumps, rng) * day / day[-1]

    flow = 118 * wear * speed + rng.normal(0, 0.7, shape)
    pressure = 1.1 + 6.4 * speed**2 - 1.2 * (flow / 118) ** 2 + _ar(0.6, 0.025, shape, rng)
    vibration = (0.9 + 1.6 * speed**2) * drift * np.exp(rng.normal(0, 0.045, shape))
    current = 6 + 34 * speed**3 / wear * drift + rng.normal(0, 0.25, shape)
    ambient = 17 + 4 * np.sin(2 * np.pi * (day - 0.4)) + _ar(0.999, 0.02, shape, rng)
    heat = 24 * (current / 40) ** 2
    temperature = ambient + _lag(heat, 3600 / config.interval_s) + rng.normal(0, 0.12, shape)
    return np.stack([flow, pressure, vibration, current, temperature], axis=-1)


def _demand(day: Floats, config: PlantConfig, rng: np.random.Generator) -> Floats:
    """Returns the demand on every pump, about 0 to 1, [P, N]: morning and evening peaks, weather, chance."""
    hour = 24 * (day[None, :] % 1) - rng.uniform(-0.7, 0.7, (config.pumps, 1))
    peaks = 0.15 + 0.6 * _bell(hour, 7.5, 1.9) + 0.3 * _bell(hour, 13, 2.6) + 0.5 * _bell(hour, 19.5, 2.2)
    weather = _ar(0.9995, 0.0007, (1, config.rows), rng)
    chance = _ar(0.97, 0.007, (config.pumps, config.rows), rng)
    return np.clip(peaks * (1 + weather) + chance, 0, 1.05)


def _bell(hour: Floats, peak: float, width: float) -> Floats:
    away = (hour - peak + 12) % 24 - 12
    return np.exp(-0.5 * (away / width) ** 2)


def _drifts(pumps: int, rng: np.random.Generator) -> Floats:
    """Every fourth pump wears: up to 2.5% more vibration and current over the whole time, [P, 1]."""
    slope = rng.uniform(0.01, 0.025, (pumps, 1))
    return np.where(np.arange(pumps)[:, None] % 4 == 1, slope, 0.0)


def _ar(keep: float, sd: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """First-order autoregressive noise with innovations of deviation ``sd``, from its stationary state, [P, N]."""
    noise = rng.normal(0, sd, shape)
    noise[:, 0] /= np.sqrt(1 - keep**2)
    return lfilter([1.0], [1.0, -keep], noise, axis=1)


def _lag(values: Floats, rows: float) -> Floats:
    """First-order lag with a time constant of ``rows``, settled at the beginning, [P, N]."""
    gain = 1 / rows
    state = (1 - gain) * values[:, :1]
    return lfilter([gain], [1.0, gain - 1], values, axis=1, zi=state)[0]
