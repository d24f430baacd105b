import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.evaluation.baselines import BASELINES
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.windows.schema import Channel, Schema
from pipelines.cli.main import run

ROWS = 900


def frame(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    t = np.arange(ROWS)
    data = pd.DataFrame({"timestamp": t, "a": np.sin(t / 5), "b": np.cos(t / 5)})
    data[["a", "b"]] += 0.1 * rng.standard_normal((ROWS, 2))
    data["is_anomaly"] = 0
    data.loc[600:639, "a"] += 3
    data.loc[600:639, "is_anomaly"] = 1
    return data


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    schema = Schema(channels=(Channel(name="a"), Channel(name="b")), has_clock=False)
    values = frame(9)[["a", "b"]].to_numpy()[:600]
    place = tmp_path_factory.mktemp("bundle") / "small.bundle"
    config = DetectorConfig(members=(ProjectionMember(window=16),))
    fit_detector(config, schema, [Run(np.arange(600), values)]).save(place)
    return place


def evaluate(*arguments: object) -> int:
    return run(["evaluate", *map(str, arguments)])


@pytest.mark.timeout(400)
def test_a_folder_of_collections_on_two_processes(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture) -> None:
    pumps = tmp_path / "pumps"
    pumps.mkdir()
    entries = [{"id": f"p{i}", "file": f"p{i}.csv", "train_rows": 500} for i in range(2)]
    entries += [{"id": "calm", "file": "p1.csv", "train_rows": 700}, {"id": "empty", "file": "x", "evaluation": False}]
    (pumps / "manifest.json").write_text(json.dumps({"series": entries}))
    for i in range(2):
        frame(i).to_csv(pumps / f"p{i}.csv", index=False)
    out = tmp_path / "figures.csv"
    assert evaluate("--folder", tmp_path, "--bundle", bundle, "--workers", 2, "--out", out, "--json") == 0
    printed, told = capsys.readouterr()
    means = json.loads(printed)
    assert (means["series"], means["left_out"]) == (2, 1)
    assert "no labelled anomaly" in told
    assert list(means["methods"]) == ["reconwatch", *BASELINES]
    ours, chance = means["methods"]["reconwatch"], means["methods"]["random"]
    assert ours["vus_pr"] > 0.6 > 0.3 > chance["vus_pr"]
    assert ours["event_recall"] == 1.0
    written = pd.read_csv(out)
    assert len(written) == 2 * (1 + len(BASELINES))
    assert written.groupby("method").vus_pr.mean()["reconwatch"] == pytest.approx(ours["vus_pr"])


def test_a_file_in_any_order_gives_the_same_table(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture) -> None:
    table = frame(3)
    tables = []
    for data in (table, table.sample(frac=1, random_state=0)):
        data.to_csv(tmp_path / "pump.csv", index=False)
        assert evaluate("--data", tmp_path / "pump.csv", "--bundle", bundle, "--train-rows", 500, "--json") == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "change,arguments,code,sentence",
    [
        (lambda data: data.drop(columns="is_anomaly"), [], 3, "no column is_anomaly"),
        (lambda data: data.assign(is_anomaly=0), [], 3, "no labelled anomaly"),
        (lambda data: data, ["--folder", "x"], 2, "say what to judge"),
    ],
)
def test_what_cannot_be_judged_is_told(change, arguments, code, sentence, tmp_path, bundle, capsys) -> None:
    change(frame(0)).to_csv(tmp_path / "pump.csv", index=False)
    assert evaluate("--data", tmp_path / "pump.csv", "--bundle", bundle, *arguments) == code
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_without_a_readable_manifest_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert evaluate("--folder", tmp_path) == 2
    assert "holds no manifest.json" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text('{"series": [{"file": "a.csv"}, 3]}')
    assert evaluate("--folder", tmp_path) == 2
    assert "manifest.json cannot be read" in capsys.readouterr().err


def test_people_get_a_table(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture) -> None:
    frame(0).to_csv(tmp_path / "pump.csv", index=False)
    assert evaluate("--data", tmp_path / "pump.csv", "--bundle", bundle, "--rows", 400) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for method in ("reconwatch", *BASELINES) for word in method.split())
