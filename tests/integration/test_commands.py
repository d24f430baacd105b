"""train, score and inspect on good data: what they write and what they say."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector import bundle as bundles
from detector.engines.base import NEWEST
from detector.members.presets import PRESETS
from pipelines.cli.main import run
from pipelines.cli.train import train

COLUMNS = ["timestamp", "anomaly_score", "is_anomaly", "top_channel"]
CHANNELS = {"flow", "pressure", "current"}
PNG = b"\x89PNG\r\n\x1a\n"
TINY = "members: [{kind: projection, window: 12}, {kind: memory, window: 8, size: 100}]"


class Told:
    """What a verb said: its JSON object and its notes."""

    def __init__(self, out: str, err: str) -> None:
        self.facts = json.loads(out)
        self.notes = err.splitlines()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    def call(*arguments: object) -> Told:
        capsys.readouterr()
        assert run([*map(str, arguments), "--json"]) == 0
        return Told(*capsys.readouterr())

    return call


@pytest.fixture
def data(tmp_path: Path, stream: Callable[[int, int], pd.DataFrame]) -> Path:
    path = tmp_path / "recent.csv"
    stream(300, 5).to_csv(path, index=False)
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def rows_of(path: Path) -> pd.DataFrame:
    return pd.read_csv(
        path, dtype={"timestamp": str, "top_channel": str}, keep_default_na=False, na_values={"anomaly_score": [""]}
    )


@pytest.mark.parametrize("causal", [False, True])
def test_one_row_of_scores_per_row_of_data(call, bundle, data, tmp_path, causal):
    out = tmp_path / "scores.csv"
    told = call("score", "--bundle", bundle, "--data", data, "--out", out, *(["--causal"] if causal else []))
    scores, given = rows_of(out), pd.read_csv(data, dtype=str)
    assert scores.columns[:4].tolist() == COLUMNS
    assert scores.timestamp.tolist() == given.timestamp.tolist()
    assert set(scores.is_anomaly) == {0, 1}
    np.testing.assert_array_equal(scores.is_anomaly == 1, scores.anomaly_score >= 1)
    assert set(scores.top_channel) <= CHANNELS | {""}
    assert scores.is_anomaly[100:115].mean() > 0.5
    assert told.facts == {
        "scores": str(out),
        "rows": 300,
        "anomalous_rows": scores.is_anomaly.sum(),
        "delay_rows": 0 if causal else 16,
    }
    assert not told.notes


def test_causal_scores_do_not_know_what_follows(call, bundle, data, tmp_path):
    whole, part, out = data, tmp_path / "part.csv", tmp_path / "scores.csv"
    pd.read_csv(whole)[:150].to_csv(part, index=False)
    found = []
    for path in (whole, part):
        call("score", "--bundle", bundle, "--data", path, "--out", out, "--causal")
        found.append(rows_of(out).anomaly_score[:150])
    np.testing.assert_array_equal(*found)


def test_labels_are_compared_with_the_scores(call, bundle, data, tmp_path):
    frame = pd.read_csv(data)
    plain = call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "plain.csv").facts
    frame.assign(is_anomaly=[int(100 <= i <= 120 or 200 <= i <= 215) for i in range(300)]).to_csv(data, index=False)
    facts = call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "scores.csv").facts
    assert all(0.5 < facts[measure] <= 1 for measure in ("vus_pr", "auc_pr", "auc_roc"))
    assert facts["anomalous_rows"] == plain["anomalous_rows"]
    assert (tmp_path / "scores.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_pictures(call, bundle, data, tmp_path):
    scores, rebuilt = tmp_path / "scores.png", tmp_path / "rebuilt.png"
    call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "scores.csv", "--plot", scores)
    call("inspect", bundle, "--plot", rebuilt)
    for path in (scores, rebuilt):
        assert path.read_bytes().startswith(PNG)
        assert path.stat().st_size > 5000


def test_train_then_inspect(call, data, tiny, tmp_path):
    more = tmp_path / "more.csv.gz"
    more.write_bytes(gzip.compress(data.read_bytes()))
    out = tmp_path / "pump.bundle"
    made = call("train", "--data", data, more, "--out", out, "-c", tiny, "--seed", 3).facts
    assert {key: made[key] for key in ("bundle", "members", "series", "rows", "channels", "window_rows")} == {
        "bundle": str(out), "members": "projection, memory", "series": 2, "rows": 600, "channels": 3, "window_rows": 12
    }  # fmt: skip
    seen = call("inspect", out, "--delay", 4).facts
    assert seen["version"] == made["version"] == bundles.load(out).version
    assert set(seen["channels"]) == CHANNELS
    assert (seen["seed"], seen["interval_s"], seen["has_clock"], seen["delay_rows"]) == (3, 60, True, 4)
    assert [member["kind"] for member in seen["members"]] == ["projection", "memory"]
    assert seen["limit"] > 0


def test_training_again_replaces_the_bundle_and_gives_the_same_bytes(call, data, tiny, tmp_path):
    out, kept = tmp_path / "pump.bundle", []
    for _ in range(2):
        call("train", "--data", data, "--out", out, "-c", tiny)
        kept.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert kept[0] == kept[1]


@pytest.mark.parametrize("variant,backbone", [("pca", "dense"), ("denoising", "conv1d")])
def test_one_variant_alone(call, data, tmp_path, variant, backbone):
    out = tmp_path / "one.bundle"
    arguments = ["--data", data, "--out", out, "--variant", variant, "--backbone", backbone]
    assert call("train", *arguments).facts["members"] == variant
    (member,) = call("inspect", out).facts["members"]
    assert (member["variant"], member["backbone"], member["kind"]) == (variant, backbone, "autoencoder")
    assert call("score", "--bundle", out, "--data", data, "--out", tmp_path / "s.csv").facts["rows"] == 300


def test_a_detector_by_name(call, data, tmp_path):
    out = tmp_path / "fast.bundle"
    assert call("train", "--data", data, "--out", out, "--preset", "fast").facts["members"] == "deep"
    (member,) = call("inspect", out).facts["members"]
    assert (member["variant"], member["backbone"], member["kind"]) == ("deep", "conv1d", "autoencoder")
    assert call("score", "--bundle", out, "--data", data, "--out", tmp_path / "s.csv").facts["rows"] == 300
    (fitted,) = bundles.load(out).detector.members
    assert fitted.engine.sessions[NEWEST].get_outputs()[0].shape == ["batch", 8, 3]


def test_every_preset_can_be_named():
    (asked,) = (option for option in train.params if option.name == "preset")
    assert set(asked.type.choices) == set(PRESETS)


def test_people_are_told_in_lines(bundle, data, tmp_path, capsys):
    assert run(["score", "--bundle", str(bundle), "--data", str(data), "--out", str(tmp_path / "scores.csv")]) == 0
    assert run(["inspect", str(bundle)]) == 0
    told = capsys.readouterr().out
    assert "anomalous rows" in told
    assert "3 channels every 60 s: flow, pressure, current" in told


@pytest.mark.parametrize("verb", ["train", "score", "inspect"])
def test_help_shows_an_example(verb, capsys):
    assert run([verb, "--help"]) == 0
    assert f"reconwatch {verb}" in capsys.readouterr().out.partition("Example:")[2]


def test_rows_out_of_order_and_repeated_times_are_reported_as_they_stand(call, bundle, data, tmp_path):
    frame = pd.read_csv(data)
    call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "ordered.csv")
    order = np.random.default_rng(0).permutation(len(frame))
    frame.iloc[order].to_csv(data, index=False)
    told = call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "scores.csv")
    assert "not in order of time" in told.notes[0]
    expected = rows_of(tmp_path / "ordered.csv").iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows_of(tmp_path / "scores.csv"), expected)
    frame.assign(timestamp=frame.timestamp // 180 * 180).to_csv(data, index=False)
    told = call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "scores.csv")
    assert "rows repeat a time" in told.notes[0]
    assert told.facts["rows"] == 300


def _empty_channel(frame: pd.DataFrame) -> None:
    frame["pressure"] = np.nan


def _constant(frame: pd.DataFrame) -> None:
    frame[["flow", "pressure", "current"]] = 7.0


def _infinite(frame: pd.DataFrame) -> None:
    frame.loc[20:25, "flow"] = np.inf
    frame.loc[90:95, "current"] = -np.inf


def _empty_beginning(frame: pd.DataFrame) -> None:
    frame.loc[:30, ["flow", "pressure", "current"]] = np.nan


def _words(frame: pd.DataFrame) -> None:
    frame["flow"] = frame.flow.astype(str).where(frame.index % 10 > 0, "error")


def _iso(frame: pd.DataFrame) -> None:
    frame["timestamp"] = pd.to_datetime(frame.timestamp, unit="s", utc=True).astype(str)


@pytest.mark.parametrize("change", [_empty_channel, _constant, _infinite, _empty_beginning, _words, _iso])
def test_normal_troubles_of_data(call, bundle, data, tiny, tmp_path, change):
    frame = pd.read_csv(data)
    change(frame)
    frame.to_csv(data, index=False)
    out = tmp_path / "own.bundle"
    call("train", "--data", data, "--out", out, "-c", tiny)
    for place in (out, bundle):
        facts = call("score", "--bundle", place, "--data", data, "--out", tmp_path / "scores.csv").facts
        scores = rows_of(tmp_path / "scores.csv")
        assert len(scores) == facts["rows"] == 300
        assert (scores.anomaly_score.dropna() >= 0).all()
        assert np.flatnonzero(scores.anomaly_score.isna()).tolist() == (
            list(range(31)) if change is _empty_beginning else []
        )


@pytest.mark.parametrize("rows", [1, 7, 24])
def test_fewer_rows_than_a_window(call, bundle, data, tiny, tmp_path, rows):
    pd.read_csv(data)[:rows].to_csv(data, index=False)
    assert call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "scores.csv").facts["rows"] == rows
    assert len(rows_of(tmp_path / "scores.csv")) == rows
    if rows >= 24:
        out = tmp_path / "short.bundle"
        call("train", "--data", data, "--out", out, "-c", tiny)
        assert call("score", "--bundle", out, "--data", data, "--out", tmp_path / "scores.csv").facts["rows"] == rows


def test_the_installed_command_writes_the_same_bytes(call, bundle, data, tmp_path):
    call("score", "--bundle", bundle, "--data", data, "--out", tmp_path / "mine.csv")
    command = [str(Path(sys.executable).with_name("reconwatch")), "score", "--bundle", str(bundle), "--data", str(data)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "scores.csv"), "--json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"] == 300
    assert (tmp_path / "scores.csv").read_bytes() == (tmp_path / "mine.csv").read_bytes()
