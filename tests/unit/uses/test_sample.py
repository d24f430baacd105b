"""Windows that were made up."""

import numpy as np
import pandas as pd
import pytest
from trained import CHANNELS, WINDOW, bundle, waves

from detector import api
from detector.errors import ConfigError
from detector.models.variants.table import REGISTERED
from detector.uses.sample import generative

GENERATIVE = ("vae", "beta_vae", "beta_vae_loose", "conditional_vae", "vq_vae", "adversarial", "rae", "wae_mmd")


def test_exactly_the_variants_with_a_distribution_of_codes_can_sample():
    assert set(generative()) == set(GENERATIVE)
    assert set(REGISTERED) - set(GENERATIVE)


@pytest.mark.parametrize("variant", GENERATIVE)
def test_made_windows_look_like_real_ones(variant):
    made = api.sample(bundle(variant), 60, seed=1)
    assert made.columns.tolist() == ["window", "row", *CHANNELS]
    assert made.groupby("window").row.apply(list).tolist() == [list(range(WINDOW))] * 60
    real = waves(600, 0)[CHANNELS]
    assert made[CHANNELS].mean().sub(real.mean()).abs().lt(0.6 * real.std()).all()
    assert made[CHANNELS].std().between(0.4 * real.std(), 1.6 * real.std()).all()
    # The channels move against each other in the data, and so they must in what is made up.
    assert np.corrcoef(made.flow, made.pressure)[0, 1] < -0.8


def test_the_seed_decides():
    one, same, other = (api.sample(bundle("vae"), 5, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one, same)
    assert not np.allclose(one.flow, other.flow)


@pytest.mark.parametrize("variant", ["deep", "denoising"])
def test_others_are_refused(variant):
    with pytest.raises(ConfigError, match=f"the {variant} autoencoder 'coder' knows no distribution"):
        api.sample(bundle(variant), 1)


def test_at_least_one_window():
    with pytest.raises(ConfigError):
        api.sample(bundle("vae"), 0)
