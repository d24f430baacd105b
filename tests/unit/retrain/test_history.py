from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.errors import ConfigError, DataError
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.table import REGISTERED
from pipelines.retrain.candidates import candidates, kinds
from pipelines.retrain.history import History, read_history
from pipelines.retrain.incidents import read_incidents

BEGIN_S = 1_700_000_000
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str = "pump", rows: int = 1000, **columns: object) -> Path:
        random = np.random.default_rng(len(name))
        step = np.arange(rows)
        flow = np.sin(step / 9) + 0.1 * random.normal(size=rows)
        frame = pd.DataFrame({"timestamp": BEGIN_S + 60 * step, "flow": flow}).assign(**columns)
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return tmp_path / f"{name}.csv"

    return make


def read(path: Path, incidents: str = "", test_ratio: float = 0.2) -> History:
    known = []
    if incidents:
        (path.parent / "incidents.csv").write_text(incidents)
        known = read_incidents(path.parent / "incidents.csv")
    return read_history([str(path)], known, test_ratio, lambda _: None)


def test_the_newest_rows_of_every_series_are_kept_apart(write: Write, tmp_path: Path) -> None:
    write("a", 1000), write("bb", 500)
    history = read_history([f"{tmp_path}/*.csv"], [], 0.2, lambda _: None)
    assert [len(run) for run in history.train] == [800, 400]
    assert [len(part.run) for part in history.test] == [200, 100]
    assert history.train[0].time_ns[-1] < history.test[0].run.time_ns[0]


def test_nothing_is_learnt_from_incidents_and_labelled_rows(write: Write) -> None:
    labelled = np.zeros(1000, int)
    labelled[600:610] = 1
    path = write(is_anomaly=labelled)
    start, end = BEGIN_S + 60 * 100, BEGIN_S + 60 * 149
    history = read(path, f"start,end,series\n{start},{end},pump\n{start + 6000},{end + 6000},other\n")
    assert [len(run) for run in history.train] == [100, 450, 190]
    assert history.train[1].time_ns[0] == (BEGIN_S + 60 * 150) * 10**9
    assert not any(part.anomalous.any() for part in history.test)


def test_incidents_may_be_yaml_with_times(write: Write, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text("- {start: 2023-11-14T22:13:20Z, end: 2023-11-14 22:23:20+00:00}\n")
    incident = read_incidents(tmp_path / "known.yaml")[0]
    assert (incident.start_ns, incident.end_ns) == (BEGIN_S * 10**9, (BEGIN_S + 600) * 10**9)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("start,end\n5,3\n", "incident 1 ends before it starts"),
        ("start,stop\n5,9\n", "incident 1: expected start, end"),
        ("start,end\nsoon,9\n", "is no time"),
    ],
)
def test_wrong_incidents_are_told_by_their_number(content: str, sentence: str, write: Write) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read(write(), content)


def test_the_digest_changes_with_the_data_and_what_is_known_of_it(write: Write) -> None:
    one = read(write())
    assert one.digest == read(write()).digest
    assert one.digest != read(write(), f"start,end\n{BEGIN_S},{BEGIN_S + 6000}\n").digest
    assert one.digest != read(write(rows=1001)).digest


def test_history_that_is_one_incident_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="nothing is left to learn from"):
        read(write(), f"start,end\n{BEGIN_S},{BEGIN_S + 60_000}\n")


def test_every_variant_on_every_backbone_is_a_candidate() -> None:
    found = candidates(["all"], ["all"], 3)
    assert [c.name for c in found] == ["auto", *(f"{v}-{b}" for v in REGISTERED for b in kinds(BackboneConfig))]
    assert len(found) == 1 + 16 * 3
    assert {m.trainer.steps for c in candidates(["vae"], ["dense"], 3, steps=7)[1:] for m in c.config.members} == {7}
    with pytest.raises(ConfigError, match="there is no variant 'vea'; legal are all, pca"):
        candidates(["vea"], ["dense"], 3)
