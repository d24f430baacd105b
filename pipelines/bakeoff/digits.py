"""Handwritten digits: images of eight rows and eight columns, one digit held out as the anomaly.

An image is a window: its rows are the steps, its columns the channels. The data comes with scikit-learn (Alpaydin &
Kaynak 1998, optical recognition of handwritten digits, the test part).
"""

from collections.abc import Iterator

import numpy as np

from detector.evaluation.probe import Known
from pipelines.bakeoff.cases import HELD_OUT_RATIO, Case

DIGITS = 10


def plan(seeds: int, first: int) -> Iterator[tuple[str, int]]:
    """Yields (digit, seed): each digit is held out in turn, by another seed each time, ten trainings at least."""
    for run in range(max(DIGITS, seeds)):
        yield str(run % DIGITS), first + run


def digits(name: str, seed: int, unit_range: bool) -> Case:
    """Returns the case in which one digit is anomalous; the split of the others goes by the seed.

    Args:
        name: the digit.
        seed: of the split.
        unit_range: leave pixels in [0, 1]; otherwise they are standardised, all by one scale.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = (data.images / 16).astype(np.float32)
    known = data.target != int(name)
    if not unit_range:
        images = (images - images[known].mean()) / images[known].std()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(known))
    cut = round((1 - HELD_OUT_RATIO) * len(order))
    learn, later = order[:cut], order[cut:]
    anomalies = np.flatnonzero(~known)
    flat = images.reshape(len(images), -1)
    return Case(
        name=f"digit {name}",
        channels=tuple(f"column {column + 1}" for column in range(images.shape[2])),
        learn=images[learn],
        later=images[later],
        test=images[np.concatenate([later, anomalies])],
        labels=np.repeat([False, True], [len(later), len(anomalies)]),
        probe=Known(flat[learn], data.target[learn]),
        asked=Known(flat[later], data.target[later]),
        classes="which of the nine digits learnt an image shows",
        period=0,
    )
