"""Mistakes that are known from published code, kept out."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from detector.errors import DataError
from detector.evaluation.auc import auc_roc
from detector.evaluation.probe import Known, probe_accuracy
from detector.models.variants.deep import DeepConfig
from detector.models.variants.shallow import ShallowConfig
from detector.models.variants.sparse_kl import SparseKlConfig
from detector.models.variants.vae import VaeConfig
from detector.scoring.error import channel_error


def test_errors_are_squared_so_that_residuals_cannot_cancel_and_deep_stays_ahead_of_shallow(fit, held_out):
    """A signed sum of residuals ranks a window with an upward and a downward fault as normal."""
    broken = held_out.clone()
    broken[:, 4:8, 0] += 0.5
    broken[:, 8:12, 0] -= 0.5
    x = torch.cat([held_out, broken])
    labels = np.repeat([0, 1], len(held_out))
    ranked = {}
    for config in (DeepConfig(code_size=4), ShallowConfig(code_size=4)):
        rebuilt = fit(config).model.reconstruct(x).numpy()
        errors = channel_error(x.numpy(), rebuilt, None, None)
        assert (errors >= 0).all()
        ranked[config.kind] = auc_roc(labels, errors.mean(1))
        assert auc_roc(labels, (x.numpy() - rebuilt).sum((1, 2))) < 0.6
    assert ranked["deep"] > 0.95
    assert ranked["deep"] > ranked["shallow"]


def test_no_sampling_noise_reaches_a_score(fit, held_out):
    model = fit(VaeConfig(code_size=4)).model
    torch.manual_seed(0)
    once = model.reconstruct(held_out)
    torch.manual_seed(1)
    assert torch.equal(once, model.reconstruct(held_out))
    assert torch.equal(once, model.decode(model.posterior(held_out)[0]))


def test_reconstruction_is_summed_per_window_so_the_divergence_does_not_empty_the_code(fit):
    """A mean over elements beside a summed divergence collapses a VAE to some 1e-5 nats."""
    assert fit(VaeConfig(code_size=4)).diagnostics["kl"] > 1


def test_sparse_codes_are_read_by_a_probe_that_converged(fit, waves):
    """Small activations and a solver that is stopped early once made sparse codes look empty."""
    windows = waves(600, 7)
    # Slow or fast: the power at the higher half of all frequencies.
    power = np.abs(np.fft.rfft(windows[..., 0], axis=1)) ** 2
    fast = (power[:, 3:].sum(1) > power[:, 1:3].sum(1)).astype(int)
    codes = fit(SparseKlConfig()).model.encode(torch.from_numpy(windows)).numpy()
    learnt, asked = Known(codes[:300], fast[:300]), Known(codes[300:], fast[300:])
    stopped = LogisticRegression(max_iter=1, C=1e-3)
    with pytest.warns(UserWarning, match="converge"):
        stopped.fit(1e-2 * learnt.codes, learnt.classes)
    converged = probe_accuracy(learnt, asked)
    assert converged > 0.9
    assert converged > stopped.score(1e-2 * asked.codes, asked.classes) + 0.1
    assert probe_accuracy(Known(1e-2 * learnt.codes, learnt.classes), Known(1e-2 * asked.codes, asked.classes)) > 0.9
    with pytest.raises(DataError, match="did not converge"):
        probe_accuracy(learnt, asked, most_rounds=2)
