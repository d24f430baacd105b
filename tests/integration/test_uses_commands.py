"""encode, denoise, impute, sample, interpolate and compress on the command line."""

import json

import pandas as pd
import pytest

from detector.api import fit
from detector.members.presets import single
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.vae import VaeConfig
from pipelines.cli.main import run

PNG = b"\x89PNG\r\n\x1a\n"
CHANNELS = ["flow", "pressure", "current"]


@pytest.fixture(scope="module")
def coder(tmp_path_factory, calm):
    path = tmp_path_factory.mktemp("coder") / "vae.bundle"
    fit(calm(500, 0), single(VaeConfig(code_size=4), DenseBackbone(width=16, depth=1))).save(path)
    return path


@pytest.fixture
def data(tmp_path, stream):
    path = tmp_path / "pump.csv"
    stream(200, 5).to_csv(path, index=False)
    return path


@pytest.fixture
def call(capsys, tmp_path):
    def call(verb, *arguments):
        out, picture = tmp_path / "out.csv", tmp_path / "out.png"
        capsys.readouterr()
        assert run([verb, *map(str, arguments), "--out", str(out), "--plot", str(picture), "--json"]) == 0
        assert picture.read_bytes().startswith(PNG)
        return json.loads(capsys.readouterr().out), pd.read_csv(out)

    return call


def test_encode(call, coder, data):
    facts, codes = call("encode", "--bundle", coder, "--data", data, data)
    assert codes.columns.tolist() == ["timestamp", "series", "code_0", "code_1", "code_2", "code_3"]
    assert codes.timestamp.iloc[0] == pd.read_csv(data).timestamp[63]
    assert (facts["series"], facts["windows"], facts["dimensions"]) == (2, len(codes), 4)
    assert len(codes) == 2 * (200 - 63)
    assert set(codes.series) == {"pump"}


def test_encode_to_parquet(coder, data, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "codes.parquet"
    assert run(["encode", "--bundle", str(coder), "--data", str(data), "--out", str(out)]) == 0
    assert len(pd.read_parquet(out)) == 137


def test_denoise(call, coder, data):
    _, clean = call("denoise", "--bundle", coder, "--data", data)
    given = pd.read_csv(data)
    assert clean.columns.tolist() == given.columns.tolist()
    assert clean.timestamp.tolist() == given.timestamp.tolist()
    assert clean.diff().flow.abs().mean() < given.diff().flow.abs().mean()


def test_impute(call, coder, data):
    given = pd.read_csv(data)
    given.loc[50:59, "flow"] = float("nan")
    given.drop(index=range(120, 125)).to_csv(data, index=False)
    facts, whole = call("impute", "--bundle", coder, "--data", data)
    assert whole.timestamp.tolist() == given.timestamp.tolist()
    assert whole[CHANNELS].notna().all().all()
    told = whole.filled.fillna("")
    assert (told[50:60] == "flow").all()
    assert (told[120:125] == ";".join(CHANNELS)).all()
    assert (told != "").sum() == 15
    untouched = [row for row in range(200) if not told[row]]
    pd.testing.assert_frame_equal(whole.loc[untouched, CHANNELS], given.loc[untouched, CHANNELS], check_exact=True)
    assert (facts["rows_added"], facts["cells_filled"]) == (5, 25)


def test_sample(call, coder):
    facts, made = call("sample", "--bundle", coder, "--count", 3, "--seed", 4)
    assert made.columns.tolist() == ["window", "row", *CHANNELS]
    assert len(made) == 3 * facts["rows_of_each"] == 3 * 64


def test_interpolate(call, coder, data):
    stamps = pd.read_csv(data).timestamp
    _, between = call("interpolate", "--bundle", coder, "--data", data, "--from", stamps[80], "--to", stamps[150])
    assert between.share.nunique() == 7
    assert between.columns.tolist() == ["share", "row", *CHANNELS]


def test_compress(call, coder, data):
    points, table = call("compress", "--data", data, "--bundle", coder)
    assert points[0]["ratio"] == 64 * 3 * 32 / (4 * 8)
    assert table.name.tolist() == ["vae.bundle"]
    points, table = call("compress", "--data", data, "--variant", "pca", "--code-size", 1, "--code-size", 3)
    assert [point["code_bits"] for point in points] == [8, 24]
    assert points[1]["error_ratio"] < points[0]["error_ratio"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["sample", "--bundle", "plain"], 2, "has no autoencoder"),
        (["encode", "--bundle", "coder", "--data", "data", "--member", "other"], 2, "'other'; it has vae"),
        (["interpolate", "--bundle", "coder", "--data", "data", "--from", "1", "--to", "2"], 3, "no window of 64"),
        (["compress", "--data", "data"], 2, "give --bundle"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments, code, told, coder, data, bundle, tmp_path, capsys):
    places = {"plain": str(bundle), "coder": str(coder), "data": str(data)}
    assert run([*(places.get(word, word) for word in arguments), "--out", str(tmp_path / "x.csv")]) == code
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.csv").exists()
