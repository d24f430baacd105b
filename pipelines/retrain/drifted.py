"""Is retraining due: do the champion's scores of the rows since its training still come from where they came from?"""

from detector.bundle import Bundle
from detector.calibration.table import CalibrationConfig
from detector.evaluation.causal import causal_scores
from detector.evaluation.drift import DriftConfig, DriftMartingale
from detector.fitting.dataset import Run
from detector.inference import calibrate, smooth
from pipelines.retrain.history import History, calm_runs


def evidence(
    champion: Bundle, history: History, config: DriftConfig, delay: int, calibration: CalibrationConfig
) -> DriftMartingale:
    """Bets against the champion on all rows of the history that it was not trained on; incidents are left out.

    Args:
        champion: serves.
        history: of the same channels.
        config: how sure a change must be.
        delay: rows that a score waits.
        calibration: gives the p-values.
    """
    detector = champion.detector
    calibrator = calibrate(detector, delay, calibration)
    martingale = config.against(detector, calibrator, delay, champion.seed)
    for run in _since(history, int(champion.facts["last_time_ns"])):
        scores = causal_scores(detector, detector.scaled(run.values[None], run.time_ns[None]))[0]
        martingale.push(calibrator.p_value(smooth(scores, delay)[:: martingale.every]))
    return martingale


def _since(history: History, time_ns: int) -> list[Run]:
    runs = [*history.train, *(run for part in history.test for run in calm_runs(part))]
    later = [(run, run.time_ns > time_ns) for run in runs]
    return [Run(run.time_ns[rows], run.values[rows]) for run, rows in later if rows.any()]
