"""Retraining under MLflow: runs, logged models and aliases in its database, and what a daemon reads of a server."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from tracking import end, tracking_server

from detector.bundle import load
from detector.errors import RegistryUnavailable
from pipelines.cli.main import run
from pipelines.registry.base import champion
from pipelines.registry.mlflow.config import MlflowConfig

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of MLflow's own, of several kinds
    pytest.mark.timeout(400),  # its server takes its time to start
]


@pytest.mark.timeout(400)
def test_a_retrain_is_a_parent_run_with_a_child_and_a_logged_model_per_candidate(
    tmp_path: Path, stream: Callable[[int, int], pd.DataFrame], capfd: pytest.CaptureFixture[str]
) -> None:
    stream(2600, 1)[900:1700].to_csv(tmp_path / "pump.csv", index=False)
    config = tmp_path / "reconwatch.yaml"
    config.write_text(f"""
detector: {{name: pumps, registry: {{kind: mlflow, uri: "sqlite:///{tmp_path}/mlflow.db", folder: {tmp_path}/mlflow}}}}
source: {{kind: memory}}
retrain: {{data: ["{tmp_path}/pump.csv"], folder: {tmp_path}/work, steps: 2, test_ratio: 0.4}}
""")
    call = ["retrain", "-c", str(config), "--variant", "pca", "--backbone", "dense"]
    assert run(call) == 0, capfd.readouterr().err
    assert run([*call, "--resume"]) == 0, "what is written down already may be written down again"

    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("pumps")
    assert experiment
    runs = client.search_runs([experiment.experiment_id])
    parent = next(r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    children = {r.info.run_name: r for r in runs if r is not parent}
    assert set(children) == {"auto", "pca-dense"}
    for child in children.values():
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.metrics["quality_injected"] > 0
        assert child.data.params["data_digest"] == parent.data.tags["data_digest"]
        assert [one.path for one in client.list_artifacts(child.info.run_id)] == ["reconstructions.png"]
    assert children["pca-dense"].data.params["pca.variant.variance_ratio"] == "0.9"
    assert children["auto"].data.params["cae.variant.noise_sd"] == "0.3"
    assert len(client.get_metric_history(children["auto"].info.run_id, "cae_reconstruction")) == 2
    assert len(client.search_logged_models([experiment.experiment_id])) == 2, "none is kept twice"
    version = client.get_model_version_by_alias("pumps", "champion")
    assert version.run_id in {child.info.run_id for child in children.values()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A tracking server that hands out artifacts itself."""
    with tracking_server(tmp_path_factory.mktemp("server")) as found:
        yield found


def test_a_daemon_reads_a_server_and_lives_on_what_it_knows_when_the_server_is_gone(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path, bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uri, process = server
    config = MlflowConfig(uri=uri, folder=tmp_path / "mlflow", timeout_s=20)
    catalogue = config.catalogue("pumps")
    assert catalogue.resolve("champion") is None
    registry = config.open("pumps")
    registry.register(bundle, {"variant": "pca"})
    registry.point({"champion": 1})
    assert catalogue.resolve("champion") == 1
    assert load(catalogue.fetch(1)).version == load(bundle).version
    registry.verify(1)
    with registry.journal().parent("key", {}):
        pass
    assert capfd.readouterr().out == "", "beside it stands the one JSON object of a command"
    end(process)
    begin = time.monotonic()
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        catalogue.resolve("champion")
    assert time.monotonic() - begin < 3
    assert load(champion(catalogue, "pumps").bundle).version == load(bundle).version
    shutil.rmtree(tmp_path / "mlflow")
    with pytest.raises(RegistryUnavailable):
        champion(catalogue, "pumps")
