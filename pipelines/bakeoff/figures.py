"""The figures of a bake-off: what each is called, where it stands and which way is better."""

from typing import Literal, NamedTuple

from detector.evaluation.probe import BUDGETS

Section = Literal["reconstruction", "sampling", "interpolation", "latent", "anomaly", "probe", "cost"]

SECTIONS: dict[Section, str] = {
    "reconstruction": "1. Reconstruction",
    "sampling": "2. Sampling",
    "interpolation": "3. Interpolation",
    "latent": "4. Latent structure",
    "anomaly": "5. Anomaly detection",
    "probe": "6. Linear probe",
    "cost": "7. Cost",
}


class Figure(NamedTuple):
    """One figure.

    Attributes:
        label: for people.
        section: the comparison it belongs to.
        better: whether more is better; None where neither is, or a certain value is ideal.
        repeatable: False for figures of time, which no seed repeats.
    """

    label: str
    section: Section
    better: Literal["more", "less"] | None
    repeatable: bool = True


FIGURES: dict[str, Figure] = {
    "reconstruction_mse": Figure("held-out error", "reconstruction", "less"),
    "imputation_mse": Figure("imputation error", "reconstruction", "less"),
    "denoising_gain_db": Figure("denoising gain, dB", "reconstruction", "more"),
    "discriminative_score": Figure("discriminative score", "sampling", "less"),
    "autocorrelation_distance": Figure("autocorrelation distance", "sampling", "less"),
    "spectrum_distance": Figure("spectrum distance", "sampling", "less"),
    "midpoint_ratio": Figure("midpoint distance ratio", "interpolation", None),
    "trustworthiness": Figure("trustworthiness, k = 15", "latent", "more"),
    "vus_pr": Figure("VUS-PR", "anomaly", "more"),
    "auc_pr": Figure("AUC-PR", "anomaly", "more"),
    "auc_roc": Figure("AUC-ROC", "anomaly", "more"),
    "event_recall": Figure("event recall", "anomaly", "more"),
    "false_alarm_ratio": Figure("false alarms / budget", "anomaly", "less"),
    **{f"probe_{n}": Figure(f"{n} labels", "probe", "more") for n in BUDGETS},
    "train_s": Figure("training, s", "cost", "less", repeatable=False),
    "parameters": Figure("parameters", "cost", "less"),
    "latency_ms": Figure("one window, ms", "cost", "less", repeatable=False),
    "windows_per_s": Figure("windows / s", "cost", "more", repeatable=False),
}


def of(section: Section) -> list[str]:
    """Names the figures of a section, in order."""
    return [name for name, figure in FIGURES.items() if figure.section == section]


HEADLINE = {
    "reconstruction": "reconstruction_mse",
    "sampling": "discriminative_score",
    "interpolation": "midpoint_ratio",
    "latent": "trustworthiness",
    "anomaly": "vus_pr",
    "probe": "probe_100",
}
"""The figure of each comparison that is drawn as bars."""
