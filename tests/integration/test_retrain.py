"""A retrain from files to a champion, and what moves the champion afterwards."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from detector.bundle import Bundle, load
from detector.errors import TrainingDiverged
from detector.fitting import fit
from detector.models.variants.table import REGISTERED
from pipelines.cli.main import run
from pipelines.registry.local import LocalConfig, LocalRegistry
from pipelines.retrain import train
from pipelines.retrain.candidates import Candidate, candidates

COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]
Told = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, stream: Callable[[int, int], pd.DataFrame]) -> Path:
    """Two quiet pumps, networks trained for two steps, and a registry that is a folder."""
    for seed in (1, 2):
        quiet = stream(3000, seed)[1100:1900]
        quiet.to_csv(tmp_path / f"pump-{seed}.csv", index=False)
    path = tmp_path / "reconwatch.yaml"
    path.write_text(f"""
detector: {{name: pumps, registry: {{kind: local, path: {tmp_path}/registry}}}}
source: {{kind: memory}}
retrain: {{data: ["{tmp_path}/pump-*.csv"], folder: {tmp_path}/work, steps: 2, keep: 1, test_ratio: 0.4}}
""")
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default detector has eight members; here it is the closed-form one."""

    def listed(variants: Any, backbones: Any, channels: int, steps: int | None = None) -> list[Candidate]:
        auto, *others = candidates(variants, backbones, channels, steps)
        closed = tuple(member for member in auto.config.members if member.name == "pca")
        return [auto._replace(config=auto.config.model_copy(update={"members": closed})), *others]

    monkeypatch.setattr("pipelines.retrain.candidates.candidates", listed)


@pytest.fixture
def registry(tmp_path: Path) -> LocalRegistry:
    return LocalConfig(path=tmp_path / "registry").open("pumps")


def _call(told: Told, *arguments: str, code: int = 0) -> Any:
    told.readouterr()
    assert run([*arguments, "--json"]) == code, told.readouterr().err
    return json.loads(told.readouterr().out)


@pytest.mark.timeout(400)
def test_every_variant_has_a_run_and_the_best_candidate_serves(
    config: Path, tmp_path: Path, registry: LocalRegistry, capfd: Told
) -> None:
    found = _call(capfd, "retrain", "-c", str(config), "--variant", "all", "--backbone", "dense")
    names = {"auto", *(f"{variant}-dense" for variant in REGISTERED)}
    assert set(found["candidates"]) == names
    files = (tmp_path / "registry/pumps/runs").glob("*/*/run.json")
    runs = {path.parent.name: json.loads(path.read_text()) for path in files}
    assert set(runs) == names, "every variant has a run of its own"
    assert {run["status"] for run in runs.values()} == {"finished"}
    vae = runs["vae-dense"]
    assert vae["params"]["data_digest"]
    assert {vae["params"][f"vae.{name}"] for name in ("variant.code_size", "variant.loss")} == {"16", "mse"}
    assert {vae["params"][f"vae.backbone.{name}"] for name in ("depth", "width")} == {"2", "128"}
    assert len(vae["curves"]["vae_reconstruction"]["value"]) == 2
    assert 0 < vae["metrics"]["quality_injected"] <= 1
    assert found["promoted"]
    assert registry.resolve("champion") == found["version"] == 1
    assert registry.versions()[0].tags["variant"] == found["chosen"].removesuffix("-dense")


def test_a_search_is_written_down_trial_by_trial_below_the_run_of_its_candidate(
    config: Path, tmp_path: Path, capfd: Told
) -> None:
    call = ["retrain", "-c", str(config), "--variant", "rae", "--backbone", "dense", "--search", "2"]
    found = _call(capfd, *call)
    assert set(found["candidates"]) == {"auto", "rae-dense"}
    (below,) = (tmp_path / "registry/pumps/runs").glob("*/rae-dense")
    trials = [json.loads(path.read_text()) for path in sorted(below.glob("trial-*/run.json"))]
    assert [trial["params"]["state"] for trial in trials] == ["complete", "complete"]
    best = max(trials, key=lambda trial: trial["metrics"]["quality"])
    taken = json.loads((below / "run.json").read_text())["params"]
    assert taken["rae.variant.code_weight"] == best["params"]["variant.code_weight"]


def test_the_same_history_promotes_nobody_a_second_time(config: Path, registry: LocalRegistry, capfd: Told) -> None:
    assert _call(capfd, "retrain", "-c", str(config))["reason"] == "there is no champion yet"
    again = _call(capfd, "retrain", "-c", str(config))
    assert not again["promoted"]
    assert "not shown to be better" in again["reason"]
    assert (registry.resolve("champion"), registry.resolve("challenger")) == (1, 2)


def test_a_candidate_that_fails_stops_no_other_and_resume_tries_it_alone_again(
    config: Path, tmp_path: Path, registry: LocalRegistry, capfd: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(candidate: Any, *rest: Any) -> Bundle:
        if candidate.members[0].name == "deep":
            raise TrainingDiverged("the loss became nan.")
        return fit.fit_detector(candidate, *rest)

    call = ["retrain", "-c", str(config), "--variant", "pca", "--variant", "deep", "--backbone", "dense"]
    with monkeypatch.context() as patch:
        patch.setattr(train, "fit_detector", diverging)
        assert run(call) == 10
    told = capfd.readouterr().err
    assert "1 of 3 candidates failed: deep-dense" in told
    assert "the loss became nan." in told
    assert registry.resolve("champion") == 1, "the others were judged all the same"
    work = next((tmp_path / "work/pumps").iterdir())
    before = (work / "pca-dense/bundle/manifest.json").stat().st_mtime_ns
    found = _call(capfd, *call, "--resume")
    assert found["candidates"]["deep-dense"]["quality"] > 0
    assert (work / "pca-dense/bundle/manifest.json").stat().st_mtime_ns == before
    assert run([*call, "--resume", "--set", "retrain.seed=1"]) == 2
    assert "no interrupted retrain of this history" in capfd.readouterr().err


def test_only_what_proves_itself_becomes_champion_and_one_command_takes_it_back(
    config: Path, registry: LocalRegistry, bundle: Path, capfd: Told
) -> None:
    for _ in range(3):
        registry.register(bundle, {})
    registry.point({"champion": 1})
    options = ("-c", str(config))
    assert _call(capfd, "models", "promote", "2", *options) == {"champion": 2, "previous": 1}
    weights = registry.fetch(3) / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-8])
    assert run(["models", "promote", "3", *options]) == 6
    assert "version 3 of 'pumps' may not serve" in capfd.readouterr().err
    assert (registry.resolve("champion"), registry.resolve("previous")) == (2, 1)
    assert _call(capfd, "models", "rollback", *options) == {"champion": 1, "previous": 2}
    assert _call(capfd, "models", "diff", "1", "2", *options) == {"aliases.0": ["champion", "previous"]}
    assert _call(capfd, "models", "show", "1", *options)["bundle"]["version"] == load(registry.fetch(1)).version
    registry.register(bundle, {})
    assert _call(capfd, "models", "prune", *options) == {"deleted": [3]}
    assert [(v["version"], v["aliases"]) for v in _call(capfd, "models", "list", *options)] == [
        (4, []),
        (2, ["previous"]),
        (1, ["champion"]),
    ]


def test_promotions_at_the_same_time_leave_one_champion(config: Path, registry: LocalRegistry, bundle: Path) -> None:
    for _ in range(3):
        registry.register(bundle, {})
    registry.point({"champion": 1})
    command = [*COMMAND, "models", "promote", "-c", str(config)]
    both = [subprocess.Popen([*command, number], stdout=subprocess.DEVNULL) for number in ("2", "3")]
    assert [one.wait(100) for one in both] == [0, 0]
    assert {registry.resolve("champion"), registry.resolve("previous")} == {2, 3}
    pointed = [alias for version in registry.versions() for alias in version.aliases]
    assert sorted(pointed) == ["champion", "previous"]


def test_a_retrain_for_cron_waits_for_drift(config: Path, tmp_path: Path, registry: LocalRegistry, capfd: Told) -> None:
    call = ["retrain", "-c", str(config), "--if-drifted", "--set", "retrain.drift.every_rows=16"]
    assert _call(capfd, *call)["version"] == 1, "without a champion there is nothing to wait for"
    assert "have not drifted" in _call(capfd, *call)["reason"]
    for path in tmp_path.glob("pump-*.csv"):
        frame = pd.read_csv(path)
        frame.loc[len(frame) // 2 :, ["flow", "pressure"]] *= 3
        frame.to_csv(path, index=False)
    assert _call(capfd, *call)["version"] == 2
