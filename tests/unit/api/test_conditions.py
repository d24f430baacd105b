"""The conditional VAE is told the clock: what is normal by day is not normal by night."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from detector.api import fit, score
from detector.bundle import Bundle, load
from detector.members.autoencoder import AutoencoderMember
from detector.members.table import DetectorConfig
from detector.models.variants.conditional_vae import ConditionalVaeConfig
from detector.models.variants.vae import VaeConfig
from detector.plots import reconstructions_figure
from detector.training.trainer import TrainerConfig

DAY = 96
"""Rows of a day: one every quarter of an hour."""


def shifts(days: int, seed: int) -> pd.DataFrame:
    """A machine that runs by day and rests by night."""
    rows = np.arange(days * DAY)
    works = ((rows % DAY) >= DAY // 3) & ((rows % DAY) < 3 * DAY // 4)
    random = np.random.default_rng(seed)
    time = pd.date_range("2026-03-02", periods=len(rows), freq="15min", tz="UTC")
    load = np.where(works, 5.0, 1.0) + 0.1 * random.normal(size=len(rows))
    return pd.DataFrame({"timestamp": time, "load": load, "heat": 2 * load + 0.1 * random.normal(size=len(rows))})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    member = AutoencoderMember(
        name="conditional",
        variant=ConditionalVaeConfig(code_size=2),
        window=8,
        stride=1,
        last=4,
        clock=True,
        trainer=TrainerConfig(steps=600),
    )
    path = tmp_path_factory.mktemp("conditional") / "bundle"
    fit(shifts(21, 0), DetectorConfig(members=(member,))).save(path)
    return load(path)


def test_only_the_clock_is_wrong_and_scores_change(bundle: Bundle) -> None:
    calm = shifts(3, 1)
    late = calm.assign(timestamp=calm["timestamp"] + pd.Timedelta(hours=12))
    right, wrong = (score(bundle, frame, delay=0)["anomaly_score"].to_numpy() for frame in (calm, late))
    assert np.nanmean(wrong[DAY:]) > 1.3 * np.nanmean(right[DAY:])


def test_it_serves_from_its_graph_and_golden_windows_carry_the_clock(bundle: Bundle) -> None:
    (member,) = bundle.detector.members
    assert member.runs_on == "onnxruntime"
    assert member.conditions == 4
    assert bundle.golden.windows.shape[2] == 2 + 4
    assert len(bundle.detector.band) == 2


def test_windows_torn_out_of_their_time_are_judged_too(bundle: Bundle) -> None:
    windows = bundle.golden.windows[..., :2]
    (member,) = bundle.detector.members
    assert member.expect(windows, None).shape == windows.shape


def test_its_golden_windows_can_be_drawn(bundle: Bundle) -> None:
    assert len(reconstructions_figure(bundle.detector, bundle.golden.windows).axes) == 2 * 4


def test_other_variants_know_no_clock() -> None:
    with pytest.raises(ValidationError, match="conditional_vae, not for vae"):
        AutoencoderMember(variant=VaeConfig(), clock=True)
