"""The whole command: figures, a page that stands alone, and a run per model in MLflow."""

import json
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest

from detector.errors import TrainingDiverged
from pipelines.bakeoff import digits, heat
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.entrants import Entrant
from pipelines.bakeoff.figures import FIGURES, of
from pipelines.cli.main import run

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # mlflow's and numba's own, of several kinds
    pytest.mark.timeout(400),  # UMAP is compiled first
]

ASKED = [*("--variant", "deep", "--variant", "vae", "--backbone", "dense"), *("--steps", "3", "--workers", "1")]


def _bake(folder: Path, *more: str) -> int:
    """Bakes with two digits instead of ten."""
    out, uri = str(folder / "out"), f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "DIGITS", 2)
        return run(["bakeoff", *ASKED, "--seeds", "2", "--out", out, "--tracking-uri", uri, *more])


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bake-off of two models on digits."""
    folder = tmp_path_factory.mktemp("bakeoff")
    assert _bake(folder, "--dataset", "digits") == 0
    return folder


def test_every_model_and_what_stands_beside_it_has_all_figures_of_every_training(baked: Path) -> None:
    frame = pd.read_csv(baked / "out/figures.csv")
    assert set(frame.entrant) == {"deep-dense", "vae-dense", "untrained-dense", "pca-dense", "raw window"}
    assert (frame.groupby("entrant").seed.nunique() == 2).all()
    vae = frame[frame.entrant == "vae-dense"]
    assert vae[list(FIGURES)].notna().all(axis=None)
    assert frame.loc[frame.entrant == "raw window", of("anomaly") + of("probe")].notna().all(axis=None)
    assert frame.loc[frame.entrant == "deep-dense", of("sampling")].isna().all(axis=None), "it cannot make up windows"


def test_means_have_intervals_around_them(baked: Path) -> None:
    means = json.loads((baked / "out/bakeoff.json").read_text())["means"]
    frame = pd.read_csv(baked / "out/figures.csv")
    found = means["vae-dense"]["auc_roc"]
    assert found["value"] == pytest.approx(frame[frame.entrant == "vae-dense"].auc_roc.mean())
    assert found["low"] < found["value"] < found["high"]
    assert means["pca-dense"]["reconstruction_mse"]["value"] < means["untrained-dense"]["reconstruction_mse"]["value"]


def test_the_page_needs_nothing_from_outside(baked: Path) -> None:
    page = (baked / "out/report.html").read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "@import" not in page
    assert "url(http" not in page
    assert page.count("<svg") >= 8
    assert page.count("data:image/png;base64,") == 5, "channels, reconstructions, samples, interpolations, maps"
    assert re.search(r"\$[a-z]", page) is None, "every place of the template was filled"
    for name in ("deep-dense", "window L2 norm", "raw windows", "untrained-dense", "5% of normal windows"):
        assert name in page


def test_mlflow_has_a_parent_with_a_child_per_model(baked: Path) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{baked}/mlflow.db")
    experiment = client.get_experiment_by_name("bakeoff")
    assert experiment
    found = client.search_runs([experiment.experiment_id])
    (parent,) = (one for one in found if "mlflow.parentRunId" not in one.data.tags)
    children = {one.info.run_name: one for one in found if one is not parent}
    assert set(children) == {"deep-dense", "vae-dense"}
    means = json.loads((baked / "out/bakeoff.json").read_text())["means"]
    for name, child in children.items():
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["backbone"] == "dense"
        assert child.data.params["variant.code_size"] == "16"
        assert child.data.metrics["auc_roc"] == pytest.approx(means[name]["auc_roc"]["value"])
        assert len(client.get_metric_history(child.info.run_id, "each_auc_roc")) == 2
        assert len(client.get_metric_history(child.info.run_id, "loss_reconstruction")) == 3
    kept = {one.path for one in client.list_artifacts(parent.info.run_id)}
    assert kept == {"report.html", "figures.csv", "bakeoff.json"}


def test_the_same_trainings_give_the_same_figures_in_another_process(baked: Path) -> None:
    frame = pd.read_csv(baked / "out/figures.csv").set_index(["entrant", "seed"])
    config = BakeoffConfig(dataset="digits", steps=3)
    heats = [heat.Heat(Entrant("vae", "dense"), str(seed), seed, pictured=False) for seed in (1, 0)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        again = list(pool.map(heat.run, heats, [config, config]))
    for marks in again:
        row = frame.loc[(marks.entrant, marks.seed)]
        assert row.case == marks.case
        for name, figure in FIGURES.items():
            assert not figure.repeatable or row[name] == marks.figures[name], name


def test_a_model_that_diverges_is_named_and_the_others_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train = heat.train

    def diverging(variant, *rest):  # type: ignore[no-untyped-def]
        if variant.kind == "vae":
            raise TrainingDiverged("the loss became nan: lower the learning rate.")
        return train(variant, *rest)

    monkeypatch.setattr(heat, "train", diverging)
    assert _bake(tmp_path, "--dataset", "digits") == 10
    told = capfd.readouterr().err
    assert "1 models failed: vae-dense" in told
    assert "the loss became nan" in (tmp_path / "out/report.html").read_text()
    assert "deep-dense" in json.loads((tmp_path / "out/bakeoff.json").read_text())["means"]


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        ([], "say what to compare on"),
        (["--dataset", "digits", "--data", "x.csv"], "say what to compare on"),
        (["--data", "absent.csv"], "absent.csv does not exist"),
        (["--dataset", "digits", "--variant", "vaee"], "there is no such one; legal are pca, shallow"),
        (["--dataset", "digits", "--backbone", "gru"], "--backbone"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_before_any_work(
    wrong: list[str], complaint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _bake(tmp_path, *wrong) in (2, 3)
    told = capfd.readouterr().err
    assert complaint in told
    assert "Traceback" not in told
    assert not (tmp_path / "mlflow.db").exists()
