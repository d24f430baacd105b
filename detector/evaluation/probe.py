"""What a code tells without further learning: a linear classifier on frozen codes, from a handful of labels."""

import warnings
from typing import NamedTuple

import numpy as np

from detector.errors import DataError
from detector.types import Floats, Ints

BUDGETS = (10, 20, 50, 100, 200, 500)
"""Labels that a probe may learn from."""

MOST_ROUNDS = 5000


class Known(NamedTuple):
    """Codes of which the class is known.

    Attributes:
        codes: [N, D].
        classes: [N] int.
    """

    codes: Floats
    classes: Ints


def probe_accuracy(learnt: Known, asked: Known, most_rounds: int = MOST_ROUNDS) -> float:
    """Share of each class that a logistic regression names, learnt to convergence, mean over classes.

    Every column is standardised first: how large codes are must not decide how far the solver comes. Classes weigh the
    same, however rare. Needs scikit-learn.

    Args:
        learnt: to learn from, two classes at least.
        asked: to judge by.
        most_rounds: of the solver.

    Returns:
        1 where all are named, 1 over the number of classes by chance.

    Raises:
        DataError: the solver did not converge, so that the accuracy would tell of the solver and not of the codes.

    Paper: Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes", section 3.1.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import recall_score

    mean, deviation = learnt.codes.mean(axis=0, dtype=np.float64), learnt.codes.std(axis=0, dtype=np.float64)
    deviation[deviation <= 1e-9 * np.abs(mean)] = 1.0
    solver = LogisticRegression(class_weight="balanced", max_iter=most_rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit((learnt.codes - mean) / deviation, learnt.classes)
    if int(np.max(solver.n_iter_)) >= most_rounds:
        raise DataError(
            f"the linear probe on {len(learnt.codes)} codes of size {learnt.codes.shape[1]} did not converge in "
            f"{most_rounds} rounds; give it more."
        )
    named = solver.predict((asked.codes - mean) / deviation)
    return float(recall_score(asked.classes, named, labels=np.unique(asked.classes), average="macro"))


def labelled(classes: Ints, budget: int, seed: int) -> Ints | None:
    """Chooses which rows may be labelled: every class in turn, at random within a class.

    Args:
        classes: [N] int.
        budget: labels to give, at least two.
        seed: of the choice; a larger budget of the same seed adds to a smaller one.

    Returns:
        [budget] row numbers, or None where there are fewer rows.
    """
    if budget > len(classes):
        return None
    order = np.random.default_rng(seed).permutation(len(classes))
    turn = np.empty(len(classes), np.int64)
    for kind in np.unique(classes):
        rows = order[classes[order] == kind]
        turn[rows] = np.arange(len(rows))
    return order[np.argsort(turn[order], kind="stable")][:budget]
