"""The engine: aligned rows in, decisions out, state of all series inside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

from detector.calibration.base import Calibrator
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.members.base import BLOCK
from detector.members.detector import Detector
from detector.scoring.between import Between, Judged
from detector.scoring.delay import Delay, Settled
from detector.scoring.hold import Hold
from detector.state import State, part, under
from detector.types import DecisionBatch, Explanation, Floats, Ints, SampleBatch, ScoreBatch, cut, joined
from detector.windows.buffer import WindowBuffer

WINDOW_BYTES = 64 * 2**20
"""Memory for the windows of one part of a push."""

_THREADS = ThreadpoolController()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decisions, and the way to ask for reasons while their windows are at hand: until the next is asked for.

    Attributes:
        decisions: [B] rows.
        explain: says what was expected of rows [K] of ``decisions``; NaN where they have left the window, or where
            nothing was expected.
    """

    decisions: DecisionBatch
    explain: Callable[[Ints], Explanation]


class Scorer:
    """Scores a stream: scale, window, members, fusion, delay, limit; one call for all series of a poll.

    Scores do not depend on how the stream is cut into batches, bit for bit.

    Args:
        detector: immutable; several scorers may share it.
        calibrator: fitted to the detector's held-out scores at the same delay.
        delay: rows, 0 is strictly causal.
        capacity: series to make room for; grows by itself.
    """

    def __init__(self, detector: Detector, calibrator: Calibrator, delay: int = 0, capacity: int = 64) -> None:
        self.detector = detector
        self.delay = delay
        self._calibrator = calibrator
        self._buffer = WindowBuffer(detector.window, detector.channels + detector.conditions, capacity, detector.hop)
        self._holds = detector.holds(capacity)
        self._between = Between(detector.channels, capacity)
        self._delay = Delay(delay, detector.channels, capacity)

    @property
    def memory_rows(self) -> int:
        """Rows of history after which nothing older can influence a score."""
        return self.detector.window + max(member.stride for member in self.detector.members) + self.delay

    def push(self, samples: SampleBatch) -> Iterator[Verdict]:
        """Scores aligned rows, in parts; with a delay, decides about the rows that are settled by them.

        Args:
            samples: in order of event time within each series.

        Yields:
            Decisions, in all as many as rows were settled. All parts must be taken.
        """
        for rows in self._parts(samples):
            with _THREADS.limit(limits=1):
                verdict = self._push(rows)
            yield verdict

    def decide(self, samples: SampleBatch) -> DecisionBatch:
        """Returns the decisions of ``push`` in one, for whoever asks for no reasons."""
        return joined([verdict.decisions for verdict in self.push(samples)])

    def flush(self, series: Ints | None = None) -> Verdict:
        """Decides about the rows still pending, of the series named or of all, as at the end of the input."""
        return self._verdict(self._delay.flush(series))

    def evict(self, series: Ints) -> None:
        """Forgets series that have gone silent; ``flush`` them first to keep their last rows."""
        self._buffer.evict(series)

    def state(self, series: Ints) -> State:
        """Returns everything that is kept of these series."""
        return {at: array for name, kept in self._kept() for at, array in under(name, kept.state(series)).items()}

    def restore(self, series: Ints, state: State) -> None:
        """Takes up the state of series that were never pushed.

        Raises:
            DataError: the state is damaged, or of another detector or delay.
        """
        for name, kept in self._kept():
            kept.restore(series, part(name, state))

    def _kept(self) -> Iterator[tuple[str, WindowBuffer | Hold | Between | Delay]]:
        yield from (("windows", self._buffer), ("between", self._between), ("delay", self._delay))
        yield from ((f"hold-{at}", hold) for at, hold in enumerate(self._holds))

    def _parts(self, samples: SampleBatch) -> Iterator[SampleBatch]:
        window_bytes = 4 * self.detector.window * (self.detector.channels + self.detector.conditions)
        rows = max(WINDOW_BYTES // window_bytes, BLOCK) * self.detector.hop
        for begin in range(0, max(len(samples), 1), rows):
            yield cut(samples, slice(begin, begin + rows))

    def _push(self, samples: SampleBatch) -> Verdict:
        scaled = self.detector.scaled(samples.values, samples.time_ns)
        windows = self._buffer.push(samples, scaled)
        seen = Judged(*self.detector.fuse(windows, self._holds), windows.filled < self.detector.window)
        score, contribution, warming = self._between.push(samples.series, windows.row, seen, scaled)
        settled = self._delay.push(samples.series, samples.time_ns, score, contribution, warming, samples.start)
        return self._verdict(settled)

    def _verdict(self, settled: Settled) -> Verdict:
        scores = ScoreBatch(settled.series, settled.time_ns, settled.score, settled.contribution, settled.warming)
        return Verdict(self._calibrator.decide(scores), partial(self._explained, settled))

    def _explained(self, settled: Settled, rows: Ints) -> Explanation:
        known = (settled.trigger[rows] >= 0) & (settled.back[rows] < self.detector.window)
        at = rows[known]
        with _THREADS.limit(limits=1):
            found = self.detector.explain(self._buffer.recall(settled.trigger[at]), settled.back[at])
        columns = [np.full((len(rows), self.detector.channels), np.nan) for _ in fields(found)]
        for column, field in zip(columns, fields(found), strict=True):
            column[known] = getattr(found, field.name)
        return Explanation(*columns)


def calibrate(detector: Detector, delay: int, config: CalibrationConfig = DEFAULT) -> Calibrator:
    """Sets the limit for scores of this delay from the detector's held-out scores."""
    runs = [smooth(scores, delay) for scores in detector.held_out]
    return config.fit(runs, detector.schema.rows_per_week)


def smooth(scores: Floats, delay: int) -> Floats:
    """Returns the delayed scores [N] of one run of causal scores [N]."""
    rows = np.arange(len(scores), dtype=np.int64)
    zeros = np.zeros(len(scores), np.int32)
    stage = Delay(delay, 0, 1)
    no_share, no = np.zeros((len(scores), 0), np.float32), np.zeros(len(scores), bool)
    settled = stage.push(zeros, rows, scores, no_share, no, no)
    return np.concatenate([settled.score, stage.flush().score])
