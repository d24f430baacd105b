"""The comparisons that every entrant sits, on one case with one seed."""

import numpy as np

from detector.calibration.quantile import QuantileCalibration
from detector.calibration.table import DEFAULT
from detector.evaluation.auc import auc_pr, auc_roc
from detector.evaluation.baselines import centred
from detector.evaluation.denoising import denoising_gain_db
from detector.evaluation.imputation import holes, imputation_error
from detector.evaluation.latent import midpoint_ratio, pairs, trustworthiness
from detector.evaluation.measure import measure
from detector.evaluation.probe import BUDGETS, Known, labelled, probe_accuracy
from detector.evaluation.synthetic import autocorrelation_distance, discriminative_score, spectrum_distance
from detector.evaluation.vus import vus_pr
from detector.types import Floats
from pipelines.bakeoff.cases import Case
from pipelines.bakeoff.network import Network
from pipelines.clock import Clock

Figures = dict[str, float]

NOISE_RATIO = 0.5
"""Noise to take away, in deviations of the training windows."""

BLUR_RATIO = 0.3
"""Noise, in deviations of the windows, before a classifier tells made-up ones from real ones."""

UNORDERED = QuantileCalibration(alarm_share=0.05)
"""The alarm budget where windows follow each other by chance: one in twenty normal windows."""

LATENCY_LOOKS = 30


def budget(case: Case) -> str:
    """Returns the alarm budget of a case in words."""
    if not case.ordered:
        return f"{UNORDERED.alarm_share:.0%} of normal windows"
    if case.rows_per_week is None:
        return f"{DEFAULT.alarms_per_10k_rows:g} false alarm in 10,000 rows"
    return f"{DEFAULT.alarms_per_week:g} false alarm a week"


def reconstruction(network: Network, case: Case, seed: int) -> tuple[Figures, dict[str, float]]:
    """Held-out error, of every channel too; error of filled gaps; noise taken away."""
    few = case.few
    errors = np.square(network.rebuild(case.later) - case.later, dtype=np.float64).mean(axis=(0, 1))
    fill = np.median(case.learn.reshape(-1, case.learn.shape[2]), axis=0)
    figures = {
        "reconstruction_mse": float(errors.mean()),
        "imputation_mse": imputation_error(network.rebuild, few, holes(few.shape, seed), fill),
        "denoising_gain_db": denoising_gain_db(network.rebuild, few, NOISE_RATIO * float(case.learn.std()), seed),
    }
    return figures, dict(zip(case.channels, errors.tolist(), strict=True))


def sampling(made: Floats, real: Floats, seed: int) -> Figures:
    """How near made-up windows come to as many real ones."""
    return {
        "discriminative_score": discriminative_score(real, made, BLUR_RATIO * float(real.std()), seed),
        "autocorrelation_distance": autocorrelation_distance(real, made),
        "spectrum_distance": spectrum_distance(real, made),
    }


def codes(network: Network, case: Case, seed: int) -> Figures:
    """What lies between codes, and whose neighbours they are."""
    few = case.few
    found = network.encode(few)
    first, second = pairs(len(few), len(few), seed)
    return {
        "midpoint_ratio": midpoint_ratio(network.decode((found[first] + found[second]) / 2), few),
        "trustworthiness": trustworthiness(few, found),
    }


def anomalies(test: Floats, calm: Floats, case: Case) -> Figures:
    """Ranking of the windows to judge by their scores, and alarms at the limit of a stated budget.

    Args:
        test: [M] scores of the windows to judge.
        calm: [H] scores of the held-out normal windows, which set the limit.
        case: with the labels.
    """
    if case.ordered:
        limit = DEFAULT.fit([calm], case.rows_per_week).limit
        found = measure(case.labels, test, limit, case.period, case.rows_per_week, budget=DEFAULT)
        return {
            "vus_pr": found.vus_pr,
            "auc_pr": found.auc_pr,
            "auc_roc": found.auc_roc,
            "event_recall": found.event_recall,
            "false_alarm_ratio": found.realised_ratio,
        }
    # Every window is an event of its own, and normal ones are judged by a limit from the other half of them.
    alarms = test >= UNORDERED.fit(calm[::2]).limit
    calm_alarms = calm[1::2] >= UNORDERED.fit(calm[::2]).limit
    return {
        "vus_pr": vus_pr(case.labels, test, case.period),
        "auc_pr": auc_pr(case.labels, test),
        "auc_roc": auc_roc(case.labels, test),
        "event_recall": float(alarms[case.labels].mean()),
        "false_alarm_ratio": float(calm_alarms.mean()) / UNORDERED.alarm_share,
    }


def judged(scores: Floats, case: Case) -> Floats:
    """Returns the score of every row: of the window around it in a series, of itself elsewhere."""
    return centred(scores, case.test.shape[1]) if case.ordered else scores


def probes(learnt: Known, asked: Known, seed: int) -> Figures:
    """Accuracy of a linear probe on codes, for every number of labels that there are; none of one class alone."""
    found: Figures = {}
    if min(len(np.unique(known.classes)) for known in (learnt, asked)) < 2:
        return found
    for budget in BUDGETS:
        chosen = labelled(learnt.classes, budget, seed)
        if chosen is not None:
            known = Known(learnt.codes[chosen], learnt.classes[chosen])
            found[f"probe_{budget}"] = probe_accuracy(known, asked)
    return found


def cost(network: Network, case: Case, train_s: float, clock: Clock) -> Figures:
    """Time of the training, size of the model, time to score one window and many."""
    one, many = case.test[:1], case.test[:1024]
    looks = [_seconds(network, one, clock) for _ in range(LATENCY_LOOKS)]
    return {
        "train_s": train_s,
        "parameters": float(network.parameters),
        "latency_ms": 1000 * float(np.median(looks)),
        "windows_per_s": len(many) / max(_seconds(network, many, clock), 1e-9),
    }


def _seconds(network: Network, windows: Floats, clock: Clock) -> float:
    begin = clock.monotonic_s()
    network.error(windows)
    return clock.monotonic_s() - begin
