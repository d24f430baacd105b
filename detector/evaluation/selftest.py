"""Does the detector react at all: its scores on injected anomalies against the same rows without them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.errors import GateRejected
from detector.evaluation.causal import causal_scores
from detector.evaluation.inject import KINDS, inject
from detector.inference import calibrate, smooth
from detector.members.detector import Detector
from detector.types import Floats

PIECES = 8
ROWS = 64
"""Scored rows of a piece: a quarter before the place of the anomaly, half in it, a quarter after."""

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class KindResult:
    """What a detector makes of one kind of anomaly.

    Attributes:
        recall: share of the anomalies that raise an alarm.
        score_ratio: mean score from the beginning of the anomaly on over that of the same rows undisturbed.
    """

    recall: float
    score_ratio: float


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How a detector took injected anomalies.

    Attributes:
        kinds: by name; kinds that the data leaves no way to inject are absent.
        alarm_ratio: share of the undisturbed pieces that raise an alarm, what a recall must be compared with.
        score_ratio: as in ``KindResult``, over all anomalies.
    """

    kinds: dict[str, KindResult]
    alarm_ratio: float
    score_ratio: float

    @property
    def recall(self) -> float:
        """Mean recall over the kinds; NaN where none could be injected."""
        return float(np.mean([kind.recall for kind in self.kinds.values()])) if self.kinds else float("nan")

    @property
    def passed(self) -> bool:
        """Whether scores rise on injected anomalies, taken together."""
        return not self.kinds or not self.score_ratio <= 1

    def facts(self) -> dict[str, Any]:
        """Returns everything as plain numbers, for the manifest of a bundle."""
        return {
            "recall": {name: round(kind.recall, 4) for name, kind in self.kinds.items()},
            "score_ratio": {name: round(kind.score_ratio, 4) for name, kind in self.kinds.items()},
            "passed": self.passed,
            "undisturbed_alarm_ratio": round(self.alarm_ratio, 4),
        }

    def check(self) -> None:
        """Refuses a detector that does not react.

        Raises:
            GateRejected: its scores do not rise on injected anomalies.
        """
        if not self.passed:
            worst = min(self.kinds, key=lambda name: self.kinds[name].score_ratio)
            raise GateRejected(
                f"the detector failed its self-test: on injected anomalies its scores fall to {self.score_ratio:.2f} "
                f"times those of the same rows undisturbed, worst on {worst.replace('_', ' ')}; look for anomalies "
                "in the training data, or take another variant."
            )


def self_test(
    detector: Detector, runs: list[Floats], seed: int = 0, delay: int = 0, calibration: CalibrationConfig = DEFAULT
) -> SelfTest:
    """Injects every kind of anomaly into normal rows and looks at scores and alarms.

    Args:
        detector: with its held-out scores, to which the limit is fitted.
        runs: normal rows [N, F] float64 that it was not trained on, in the channels' own units, NaN masked; at least
            one is as long as the detector's window.
        seed: of the injections.
        delay: rows that a score waits.
        calibration: how the limit is set.
    """
    pieces = evenly(runs, detector.window - 1 + ROWS, PIECES)
    scored = pieces.shape[1] - detector.window + 1
    place = slice(pieces.shape[1] - scored + scored // 4, pieces.shape[1] - scored // 4)
    deviation = deviations(runs)
    found = {kind: inject(pieces, kind, place, deviation, seed) for kind in KINDS}
    found = {kind: injected for kind, injected in found.items() if injected.labels.any()}
    limit = calibrate(detector, delay, calibration).limit
    after = slice(scored // 4, None)
    with ThreadpoolController().limit(limits=1):
        normal = piece_scores(detector, pieces, delay)[:, after]
        scores = {kind: piece_scores(detector, part.values, delay)[:, after] for kind, part in found.items()}
    kinds, high, low = {}, 0.0, 0.0
    for kind, part in found.items():
        events = part.labels.any(axis=1)
        above, below = _mean(scores[kind][events]), _mean(normal[events])
        kinds[kind] = KindResult(_alarms(scores[kind][events], limit), (above + _TINY) / (below + _TINY))
        high, low = high + above * events.sum(), low + below * events.sum()
    return SelfTest(kinds, _alarms(normal, limit), float((high + _TINY) / (low + _TINY)))


def evenly(runs: list[Floats], length: int, most: int) -> Floats:
    """Picks pieces evenly over all runs, in order of time; they may overlap.

    Args:
        runs: rows [N, F] each.
        length: rows of a piece, fewer if no run has as many.
        most: pieces wanted.

    Returns:
        [N, L, F] float64, N <= most.
    """
    length = min(length, max(map(len, runs)))
    places = [(run, begin) for run, rows in enumerate(runs) for begin in range(len(rows) - length + 1)]
    picks = np.unique(np.linspace(0, len(places) - 1, most).round().astype(int))
    return np.stack([runs[run][begin : begin + length] for run, begin in (places[i] for i in picks)]).astype(np.float64)


def deviations(runs: list[Floats]) -> Floats:
    """Returns the standard deviation of every channel over all runs, [F], 0 where it never moves."""
    values = np.concatenate(runs)
    seen = np.maximum(np.isfinite(values).sum(axis=0), 1)
    mean = np.nansum(values, axis=0) / seen
    found = np.sqrt(np.nansum(np.square(values - mean), axis=0) / seen)
    return np.where(found > _TINY * np.abs(mean), found, 0.0)


def piece_scores(detector: Detector, values: Floats, delay: int = 0) -> Floats:
    """Returns the scores of the rows of every piece with a full window: [N, L, F] raw to [N, L - T + 1]."""
    scores = causal_scores(detector, detector.scaled(values))
    return np.stack([smooth(one, delay) for one in scores]) if delay else scores


def _mean(scores: Floats) -> float:
    seen = scores[np.isfinite(scores)]
    return float(seen.mean()) if len(seen) else 0.0


def _alarms(scores: Floats, limit: float) -> float:
    return float((scores >= limit).any(axis=1).mean())
