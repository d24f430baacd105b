from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.errors import ConfigError
from detector.fitting.frames import LABEL
from pipelines.demo.plant import PlantConfig
from pipelines.demo.stage import Stage, build, write
from pipelines.settings import Settings


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = build(PlantConfig(history_days=1, live_days=1), 0, tmp_path_factory.mktemp("demo"))
    write(stage, 0)
    return stage


def test_the_files_hold_what_was_simulated(stage: Stage) -> None:
    plant = stage.plant
    stream = pd.read_csv(stage.out / "live.csv")
    assert len(stream) == plant.pumps * plant.rows_per_day
    assert stream.timestamp.is_monotonic_increasing
    one = stream[stream.pump == "pump-03"].drop(columns=["timestamp", "pump"]).to_numpy()
    assert np.array_equal(one, stage.values[2, plant.history_rows :], equal_nan=True)
    history = sorted((stage.out / "history").glob("*.csv"))
    assert [path.stem for path in history] == list(plant.names)
    assert len(pd.read_csv(history[0])) == plant.history_rows


def test_every_fault_is_told_and_labelled(stage: Stage) -> None:
    faults = pd.read_csv(stage.out / "faults.csv", parse_dates=["start", "end"])
    assert len(faults) == 10
    for fault in faults.itertuples():
        live = stage.live(fault.pump)
        inside = (live.timestamp >= fault.start) & (live.timestamp <= fault.end)
        assert np.array_equal(live[LABEL] > 0, inside)


@pytest.mark.parametrize(("seconds", "speed"), [(0, None), (10, 8640.0)])
def test_the_configuration_is_one_that_the_daemon_takes(stage: Stage, seconds: float, speed: float | None) -> None:
    settings = Settings.model_validate(stage.settings(seconds))
    assert settings.source.speed == speed


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = Stage(stage.plant, tmp_path / "file" / "demo", stage.time_ns, stage.values, stage.faults)
    with pytest.raises(ConfigError, match="choose another --out"):
        write(blocked, 0)
