"""Who serves: paired evidence between two detectors that sat the same examination."""

from dataclasses import dataclass

from scipy.stats import poisson

from detector.evaluation.exam import Marks
from detector.evaluation.select import better, paired

_OVER_BUDGET = 0.01


@dataclass(frozen=True, slots=True)
class Decision:
    """What the evidence says.

    Attributes:
        promote: the challenger is to serve.
        reason: a sentence for people.
    """

    promote: bool
    reason: str


def decide(challenger: Marks, champion: Marks, alpha: float) -> Decision:
    """Says whether a challenger takes the champion's place.

    It does where it is better; also where nothing tells the two apart but the champion gives more false alarms on the
    newest rows than its budget explains, and the challenger fewer: the plant has changed.
    """
    difference = paired(challenger.quality, champion.quality, alpha)
    if better(difference, alpha):
        return Decision(True, f"it is better on the newest rows ({difference})")
    if difference.high < 0:
        return Decision(False, f"it is worse on the newest rows ({difference})")
    surplus = float(poisson.sf(champion.false_alarms - 1, max(champion.allowed, 1e-9)))
    alarms = f"{champion.false_alarms} false alarms on the newest rows where {champion.allowed:.2g} are allowed"
    if champion.false_alarms and surplus < _OVER_BUDGET and challenger.false_alarms < champion.false_alarms:
        return Decision(
            True, f"the champion gave {alarms}, it {challenger.false_alarms}, and it is not worse ({difference})"
        )
    return Decision(False, f"it is not shown to be better on the newest rows ({difference})")
