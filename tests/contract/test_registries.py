"""What every registry promises, a plain folder and MLflow alike."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from detector.api import example, fit, score
from detector.bundle import load
from detector.errors import ConfigError, RegistryUnavailable
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.registry.base import Registry
from pipelines.registry.local import LocalConfig
from pipelines.registry.mlflow.config import MlflowConfig
from pipelines.registry.table import RegistryConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # mlflow's own, of several kinds
NAME = "pumps"
SWAP = """
import sys
from pydantic import TypeAdapter
from pipelines.registry.table import RegistryConfig
registry = TypeAdapter(RegistryConfig).validate_json(sys.argv[1]).open("pumps")
first, second = map(int, sys.argv[2:])
for _ in range(5):
    with registry.lock():
        registry.point({"champion": first, "previous": second})
        assert (registry.resolve("champion"), registry.resolve("previous")) == (first, second)
"""
Bundles = tuple[Path, Path]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("bundles")
    history, _ = example(600)
    for name, window in (("narrow", 8), ("wide", 16)):
        fit(history, DetectorConfig(members=(ProjectionMember(name="pca", window=window),))).save(folder / name)
    return folder / "narrow", folder / "wide"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    MlflowConfig(uri=f"sqlite:///{folder}/mlflow.db", folder=folder).open("unused")
    return folder / "mlflow.db"


@pytest.fixture(params=["local", "mlflow"])
def config(request: pytest.FixtureRequest, tmp_path: Path, database: Path) -> RegistryConfig:
    if request.param == "local":
        return LocalConfig(path=tmp_path)
    shutil.copy(database, tmp_path / "mlflow.db")
    return MlflowConfig(uri=f"sqlite:///{tmp_path}/mlflow.db", folder=tmp_path / "mlflow")


@pytest.fixture
def registry(config: RegistryConfig) -> Registry:
    return config.open(NAME)


def test_an_empty_registry_has_nothing(registry: Registry) -> None:
    assert registry.versions() == []
    assert registry.resolve("champion") is None
    with pytest.raises(ConfigError, match="has no version 1 of 'pumps'; it has none"):
        registry.fetch(1)


def test_versions_are_numbered_tagged_and_hold_their_bundle(registry: Registry, bundles: Bundles) -> None:
    numbers = [registry.register(bundle, {"variant": bundle.name}) for bundle in bundles]
    assert numbers == [1, 2]
    assert [(v.number, v.tags["variant"]) for v in registry.versions()] == [(2, "wide"), (1, "narrow")]
    for number, bundle in zip(numbers, bundles, strict=True):
        assert load(registry.fetch(number)).version == load(bundle).version


def test_aliases_move_and_daemons_see_them(config: RegistryConfig, registry: Registry, bundles: Bundles) -> None:
    one, two = (registry.register(bundle, {}) for bundle in bundles)
    catalogue = config.catalogue(NAME)
    registry.point({"champion": one})
    assert catalogue.resolve("champion") == one
    assert catalogue.resolve("previous") is None
    registry.point({"previous": one, "champion": two})
    assert (catalogue.resolve("previous"), catalogue.resolve("champion")) == (one, two)
    assert load(catalogue.fetch(two)).version == load(bundles[1]).version
    assert {v.number: v.aliases for v in registry.versions()} == {two: ("champion",), one: ("previous",)}
    registry.point({"previous": None})
    assert catalogue.resolve("previous") is None
    with pytest.raises(ConfigError, match="has no version 7"):
        registry.point({"champion": 7})
    assert catalogue.resolve("champion") == two


def test_a_version_names_the_training_that_it_comes_from(
    config: RegistryConfig, registry: Registry, bundles: Bundles
) -> None:
    with registry.journal().parent("key", {}), registry.journal().child("key", "deep", {}) as run:
        kept = run.model(bundles[0])
    number = registry.register(bundles[0], {"retrain": "key"}, kept)
    told = config.catalogue(NAME).run_id(number)
    assert told == registry.run_id(number)
    assert told == "key" or re.fullmatch(r"[0-9a-f]{32}", told), "a key of ours, or a run of MLflow"


def test_numbers_are_never_used_again_and_what_serves_cannot_be_deleted(registry: Registry, bundles: Bundles) -> None:
    one, two = (registry.register(bundle, {}) for bundle in bundles)
    registry.point({"champion": one})
    registry.delete(two)
    assert [version.number for version in registry.versions()] == [one]
    with pytest.raises(ConfigError, match="is champion and cannot be deleted"):
        registry.delete(one)
    with pytest.raises(ConfigError, match="has no version 2"):
        registry.delete(two)
    assert registry.register(bundles[1], {}) == 3


def test_a_registry_that_is_not_there_is_told_as_such(config: RegistryConfig, registry: Registry) -> None:
    if isinstance(config, LocalConfig):
        (config.path / NAME).mkdir()
        (config.path / NAME / "registry.json").write_text("{")
    else:
        config = config.model_copy(update={"uri": "sqlite:////nowhere/mlflow.db"})
    with pytest.raises(RegistryUnavailable):
        config.catalogue(NAME).resolve("champion")


def test_a_run_has_children_and_keeps_what_it_is_told(registry: Registry, bundles: Bundles) -> None:
    journal = registry.journal()
    with journal.parent("abc", {"detector": NAME}) as parent:
        parent.params({"data": "d1"})
        with journal.child("abc", "pca-dense", {"variant": "pca"}) as child:
            child.params({"window": 8})
            child.metrics({"vus_pr": 0.5, "absent": float("nan")})
            child.curve("loss", [0, 50], [2.0, 1.0])
            kept = child.model(bundles[0])
    number = registry.register(bundles[0], {"variant": "pca"}, kept)
    registry.verify(number)
    assert load(registry.fetch(number)).version == load(bundles[0]).version


def test_changes_of_several_processes_wait_for_each_other(
    config: RegistryConfig, registry: Registry, bundles: Bundles
) -> None:
    one, two = (registry.register(bundle, {}) for bundle in bundles)
    command = [sys.executable, "-W", "ignore", "-c", SWAP, config.model_dump_json()]
    swappers = [subprocess.Popen([*command, *map(str, pair)]) for pair in ((one, two), (two, one))]
    assert [swapper.wait() for swapper in swappers] == [0, 0]
    assert {registry.resolve("champion"), registry.resolve("previous")} == {one, two}


def test_mlflow_itself_scores_as_we_do(database: Path, tmp_path: Path, bundles: Bundles) -> None:
    import mlflow

    shutil.copy(database, tmp_path / "mlflow.db")
    config = MlflowConfig(uri=f"sqlite:///{tmp_path}/mlflow.db", folder=tmp_path / "mlflow")
    number = config.open(NAME).register(bundles[1], {})
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/{number}")
    _, recent = example(600)
    expected = score(load(bundles[1]), recent)
    pd.testing.assert_frame_equal(model.predict(recent), expected)
    told = recent.assign(timestamp=[time.isoformat() for time in recent.timestamp])
    pd.testing.assert_frame_equal(model.predict(told), expected)
    assert not list((tmp_path / "mlflow").rglob("*.pkl"))
