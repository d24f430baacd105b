"""Network connections: from a file with text to scores, and the same from the daemon's decoder."""

import json

import numpy as np
import orjson
import pandas as pd
import pytest

from detector import api
from detector.bundle import load
from detector.errors import ConfigError
from detector.inference import Scorer, calibrate
from detector.windows.align import Aligner
from pipelines.cli.main import run
from pipelines.io.base import RawBatch
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.table import open_decoder
from pipelines.io.decoders.times import TimeField
from pipelines.io.decoders.wide import WideConfig

ROWS = 400
FIRST_S = 1_700_000_000


def connections(seed: int, attacks: bool) -> pd.DataFrame:
    """Web and name traffic of a small office; attacks are half-open connections to a strange port."""
    rng = np.random.default_rng(seed)
    web = rng.random(ROWS) < 0.6
    frame = pd.DataFrame(
        {
            "ts": np.round(FIRST_S + np.cumsum(rng.exponential(2, ROWS)), 3),
            "uid": [f"C{seed}{row}" for row in range(ROWS)],
            "port": np.where(web, 443, 53),
            "proto": np.where(web, "tcp", "udp"),
            "service": np.where(web, "ssl", "dns"),
            "state": np.where(rng.random(ROWS) < 0.02, "RSTO", "SF"),
            "sent": np.round(np.exp(rng.normal(np.where(web, 7, 4), 0.7))),
            "received": np.round(np.exp(rng.normal(np.where(web, 9, 5), 0.7))),
        }
    )
    frame["received"] = frame.received.where(rng.random(ROWS) > 0.1)
    if attacks:
        hit = np.arange(ROWS) % 40 == 7
        frame.loc[hit, ["port", "proto", "service", "state"]] = [2323, "tcp", "", "S0"]
        frame.loc[hit, ["sent", "received"]] = 0.0
        frame["is_anomaly"] = hit.astype(int)
    return frame


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flows")
    connections(0, attacks=False).to_csv(folder / "normal.csv", index=False)
    out = folder / "flows.bundle"
    columns = ["--time", "ts", "--ignore", "uid", "--text", "port"]
    arguments = ["train", "--data", folder / "normal.csv", "--preset", "flows", *columns, "--out", out]
    assert run([str(argument) for argument in arguments]) == 0
    return out


def test_attacks_are_found_and_their_channel_is_named(trained, tmp_path, capsys):
    data, out = tmp_path / "new.csv", tmp_path / "scores.csv"
    connections(1, attacks=True).to_csv(data, index=False)
    arguments = ["score", "--bundle", trained, "--data", data, "--out", out, "--time", "ts", "--ignore", "uid"]
    assert run([*map(str, arguments), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["auc_roc"] > 0.99
    assert facts["delay_rows"] == 0
    scores = pd.read_csv(out)
    hit = connections(1, attacks=True).is_anomaly == 1
    assert scores.is_anomaly[hit].all()
    assert set(scores.top_channel[hit]) <= {"port", "proto", "service", "state", "sent", "received"}


def test_a_row_is_judged_by_itself(trained):
    bundle = load(trained)
    frame = connections(1, attacks=True).rename(columns={"ts": "timestamp"}).drop(columns=["uid", "is_anomaly"])
    frame["timestamp"] = np.arange(ROWS)
    whole = api.score(bundle, frame).anomaly_score
    shuffled = frame.sample(frac=1, random_state=0)
    again = api.score(bundle, shuffled.assign(timestamp=np.arange(ROWS))).anomaly_score
    np.testing.assert_array_equal(again.sort_index(), whole)


@pytest.mark.parametrize("wire", ["json", "csv"])
def test_the_daemon_scores_records_as_the_file(trained, wire):
    bundle = load(trained)
    detector, frame = bundle.detector, connections(1, attacks=True)[:100]
    known = frame.drop(columns=["uid", "is_anomaly"])
    rows = [{k: v for k, v in row.items() if v == v} for row in known.to_dict("records")]
    lines = known.to_csv(index=False, header=False).encode().splitlines()
    batch = RawBatch(
        [orjson.dumps(row) for row in rows] if wire == "json" else lines,
        [None] * len(rows),
        np.zeros(len(rows), np.int32),
        np.arange(len(rows)),
        np.full(len(rows), FIRST_S * 10**9),
        tuple(known.columns) if wire == "csv" else None,
    )
    config = WideConfig(timestamp=TimeField(path="ts", unit="s"))
    decoded = open_decoder(config, detector.schema).decode(batch)
    assert not decoded.rejects
    aligner = Aligner(detector.schema)
    scorer = Scorer(detector, calibrate(detector, 0))
    found = np.concatenate(
        [scorer.decide(rows).anomaly_score for rows in (aligner.push(decoded.readings), aligner.flush())]
    )
    offline = api.score(bundle, known.rename(columns={"ts": "timestamp"}).assign(timestamp=np.arange(100)))
    np.testing.assert_array_equal(found, offline.anomaly_score)


def test_text_needs_wide_records(trained):
    with pytest.raises(ConfigError, match="kind long reads numbers only"):
        open_decoder(LongConfig(), load(trained).detector.schema)


def test_a_record_of_words_alone_is_a_record(trained):
    schema = load(trained).detector.schema
    batch = RawBatch(
        [b'{"proto": "tcp"}', b'{"other": 1}'],
        [None, None],
        np.zeros(2, np.int32),
        np.arange(2),
        np.full(2, 10**18),
        None,
    )
    decoded = open_decoder(WideConfig(timestamp=None), schema).decode(batch)
    assert len(decoded.readings) == 1
    assert [letter.reason for letter in decoded.rejects] == ["no_value"]


def test_a_column_that_is_not_there(tmp_path, capsys):
    data = tmp_path / "flows.csv"
    connections(0, attacks=False).to_csv(data, index=False)
    for wrong in (["--time", "when"], ["--time", "ts", "--ignore", "label"], ["--time", "ts", "--text", "kind"]):
        arguments = ["train", "--data", str(data), "--preset", "flows", *wrong, "--out", str(tmp_path / "x")]
        assert run(arguments) == 3
        assert f"has no column '{wrong[-1]}'" in capsys.readouterr().err


def test_rows_may_be_numbered(tmp_path):
    data = tmp_path / "flows.csv"
    connections(0, attacks=False).drop(columns=["ts", "uid"])[:60].to_csv(data, index=False)
    out = tmp_path / "flows.bundle"
    assert run(["train", "--data", str(data), "--preset", "flows", "--time", "rows", "--out", str(out)]) == 0
    schema = load(out).detector.schema
    assert not schema.has_clock
    assert set(schema.categories) == {"proto", "service", "state"}
    assert {channel.gap for channel in schema.channels} == {"mask"}
