"""Orderings that are known from the literature on these comparisons, checked by paired differences."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pipelines.bakeoff.figures import FIGURES
from pipelines.bakeoff.marks import Marks
from pipelines.bakeoff.summary import Mean, gain, grouped


class Claim(NamedTuple):
    """One ordering.

    Attributes:
        sentence: what is claimed.
        one: variant that is to be ahead.
        other: variant that is to be behind.
        figure: by which figure.
    """

    sentence: str
    one: str
    other: str
    figure: str


CLAIMS = (
    Claim("by squared error, deep finds anomalies better than shallow", "deep", "shallow", "auc_roc"),
    Claim("by squared error, deep finds anomalies better than PCA", "deep", "pca", "auc_roc"),
    Claim("a converged probe reads sparse codes better than those of PCA", "sparse_l1", "pca", "probe_100"),
    Claim("a converged probe reads sparse codes better than deep ones", "sparse_l1", "deep", "probe_100"),
    Claim("denoising takes away more noise than deep", "denoising", "deep", "denoising_gain_db"),
    Claim("denoising fills gaps better than deep", "denoising", "deep", "imputation_mse"),
    Claim("a loose beta rebuilds better than a strict one", "beta_vae_loose", "beta_vae", "reconstruction_mse"),
    Claim("a deterministic code samples better windows than a VAE (RAE)", "rae", "vae", "discriminative_score"),
)

Verdict = Literal["holds", "is reversed", "is open"]


class Finding(NamedTuple):
    """What came of a claim on one backbone.

    Attributes:
        claim: the claim.
        backbone: layers of both.
        gain: how far the one is ahead; positive is better, whichever way the figure goes.
        verdict: whether the interval leaves a doubt.
    """

    claim: Claim
    backbone: str
    gain: Mean
    verdict: Verdict


def findings(marks: Sequence[Marks], backbones: Sequence[str]) -> Iterator[Finding]:
    """Yields what came of every claim whose two variants took part."""
    groups = grouped(marks)
    for claim in CLAIMS:
        for backbone in backbones:
            one, other = (groups.get(f"{variant}-{backbone}") for variant in (claim.one, claim.other))
            if one is None or other is None:
                continue
            if FIGURES[claim.figure].better == "less":
                one, other = other, one
            found = gain(one, other, claim.figure)
            verdict: Verdict = "holds" if found.low > 0 else "is reversed" if found.high < 0 else "is open"
            yield Finding(claim, backbone, found, verdict)
