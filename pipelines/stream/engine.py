"""Readings in, results out, with all state in one place, in two halves that may be a poll apart.

One half puts readings into rows and notes where a restart reads on from; the other scores rows, decides and raises
alerts. Neither touches what is the other's, but for the names of series: see ``Aligned.releases``.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from detector.alerting.alert import Alert
from detector.alerting.policy import AlertPolicy
from detector.inference import Scorer, Verdict
from detector.state import State, part, under
from detector.types import DecisionBatch, Ints, ReadingBatch, SampleBatch, cut, joined
from detector.windows.align import Aligner
from detector.windows.entities import SeriesIndex
from pipelines.io.base import Checkpoint, DeadLetter, Decoded, Output, Position, RawBatch
from pipelines.stream.recovery import Rewind

PART_ROWS = 262_144
"""Readings that are aligned and scored in one go: bounds memory, and lets other threads in seldom."""
_NONE = np.empty(0, np.int32)


class Rows(NamedTuple):
    """Rows that some readings of a poll closed.

    Attributes:
        samples: the rows, and those that were open of silent series.
        silent: series that fell silent for too long, all of whose rows have come.
        gone: those of them that no reading of the poll is of, whose ids may name others.
        again: whether their results were written before a restart.
    """

    samples: list[SampleBatch]
    silent: Ints
    gone: Ints
    again: bool


class Aligned(NamedTuple):
    """What became of the records of a poll, before scoring.

    Attributes:
        rows: in order.
        letters: records that could not be read and were not told before.
        positions: where a restart goes on once the results are written.
        replayed: records whose results were written before a restart.
        fresh: whether there are readings of others.
        late: readings that came too late since the start.
    """

    rows: list[Rows]
    letters: list[DeadLetter]
    positions: Mapping[int, Position]
    replayed: int
    fresh: bool
    late: int

    @property
    def releases(self) -> bool:
        """Whether series lose their ids once this is judged, before which no other poll may be aligned."""
        return any(len(rows.gone) for rows in self.rows)


class Engine:
    """Everything between the decoder and the sinks; deterministic, so that reading again gives the same results.

    Args:
        aligner: fresh.
        scorer: fresh.
        policy: fresh.
        series: fresh index of the names of series.
        open_rows: rows of a series that the aligner may hold open.
        checkpoint: where an earlier run stopped.
    """

    def __init__(
        self,
        aligner: Aligner,
        scorer: Scorer,
        policy: AlertPolicy,
        series: SeriesIndex,
        open_rows: int,
        checkpoint: Checkpoint,
    ) -> None:
        self._aligner, self._scorer, self._policy, self._series = aligner, scorer, policy, series
        self._channels = scorer.detector.schema.names
        self._rewind = Rewind(scorer.memory_rows + open_rows, scorer.detector.channels, checkpoint.positions)
        self._positions: Mapping[int, Position] = self._rewind.positions()
        self._late = 0
        self._ended = bool(checkpoint.state.get("ended"))
        if "alerts" in checkpoint.state:
            policy.restore(checkpoint.state["alerts"])

    @property
    def late(self) -> int:
        """Readings that came too late since the start."""
        return self._late

    @property
    def series(self) -> int:
        """How many series have state."""
        return len(self._series)

    def firing(self) -> list[Alert]:
        """Alerts that are firing, those of before a restart too."""
        return self._policy.flush()

    def align(self, batch: RawBatch, decoded: Decoded) -> Aligned:
        """Takes the readings of a poll and returns the rows that they close.

        Records whose results were written before a restart fill the windows again and give nothing.

        Args:
            batch: the records.
            decoded: what they hold.
        """
        ids = self._series.ids(decoded.keys)
        readings = replace(decoded.readings, series=ids[decoded.readings.series])
        again = self._rewind.replayed(readings.partition, readings.offset)
        rows: list[Rows] = []
        if again.any():
            before, readings = cut(readings, again), cut(readings, ~again)
            rows += [self._closed(part, [later, readings.series], True) for part, later in self._parts(before)]
        letters = self._untold(decoded.rejects)
        rows += [self._closed(part, [later], False) for part, later in self._parts(readings)]
        return self._aligned(rows, letters, batch.partition, batch.offset, len(readings) > 0)

    def skip(self, letters: Sequence[DeadLetter]) -> Aligned:
        """Takes records that the source could not read, as if nothing had been in them."""
        partition, offset = np.array([(x.partition, x.offset) for x in letters]).T
        return self._aligned([], self._untold(letters), partition, offset, False)

    def judge(self, aligned: Aligned) -> list[Output]:
        """Scores rows and returns what follows from them, in order, in one part at least; in the order of ``align``."""
        self._ended &= not aligned.fresh
        outputs = [output for rows in aligned.rows if (output := self._judged(rows))]
        self._positions, self._late = aligned.positions, aligned.late
        first, *others = outputs or [self.report([])]
        return [replace(first, dead_letters=aligned.letters), *others]

    def report(self, letters: Sequence[DeadLetter]) -> Output:
        """Returns dead letters as results of their own."""
        nothing = self._scorer.flush(_NONE).decisions
        return Output((), self._channels, nothing, [], letters)

    def finish(self) -> Output:
        """Takes the end of the input: open rows close, and what waits for rows to come is decided without them."""
        verdicts = self._verdicts([self._aligner.flush()], None)
        if self._ended:  # an earlier run came to this same end and wrote these results
            verdicts = iter([*verdicts, self._scorer.flush()][-1:])
        decisions, alerts = self._decided(verdicts)
        alerts += [] if self._ended else self._policy.flush()
        self._ended = True
        return Output(self._series.keys, self._channels, decisions, alerts)

    def checkpoint(self) -> Checkpoint:
        """Returns where a restart goes on."""
        return Checkpoint(self._positions, {"alerts": self._policy.state(), "ended": self._ended})

    def upto(self, partition: int) -> int | None:
        """Returns the record before which all are in the state, None while a partition is read again."""
        return self._rewind.upto(partition)

    def state(self, partition: int) -> State:
        """Returns all that reading again would rebuild, of the only partition there is."""
        series = self._series.used
        return {
            **under("series", self._series.state()),
            **under("align", self._aligner.state(series, partition)),
            **under("score", self._scorer.state(series)),
            **under("rewind", self._rewind.state(series)),
        }

    def restore(self, partition: int, upto: int, state: State) -> None:
        """Takes up the state before record ``upto``, in place of reading again what lies before it.

        Raises:
            DataError: the state is damaged or another engine's; this one is of no use any more.
        """
        self._series.restore(part("series", state))
        series = self._series.used
        self._aligner.restore(series, partition, part("align", state))
        self._scorer.restore(series, part("score", state))
        self._rewind.restore(series, partition, upto, part("rewind", state))
        self._positions, self._late = self._rewind.positions(), self._aligner.counters.late

    def _parts(self, readings: ReadingBatch) -> Iterator[tuple[ReadingBatch, Ints]]:
        """Cuts readings before each that ends a silence, so that results do not depend on where polls end.

        Further cuts, which change nothing, keep what is worked on small. Gives each part with the series of all
        readings that come after it.
        """
        size = len(readings)
        edges = sorted({0, *range(PART_ROWS, size, PART_ROWS), *self._aligner.returns(readings).tolist(), size})
        for start, stop in itertools.pairwise(edges if size else [0, 0]):
            yield cut(readings, slice(start, stop)), readings.series[stop:]

    def _closed(self, readings: ReadingBatch, later: list[Ints], again: bool) -> Rows:
        """Returns the rows that readings close, and which series are forgotten with them, given those that follow."""
        samples = self._aligner.push(readings)
        self._rewind.note(readings, samples)
        rows, silent = self._aligner.evict()
        gone = silent
        if len(silent):
            self._rewind.evict(silent)
            gone = np.setdiff1d(silent, np.concatenate(later))
        return Rows([samples, *([rows] if len(rows) else [])], silent, gone, again)

    def _untold(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Returns those that were not told before a restart."""
        if not letters:
            return []
        told = self._rewind.replayed(*np.array([(x.partition, x.offset) for x in letters]).T)
        return [letter for letter, before in zip(letters, told, strict=True) if not before]

    def _aligned(
        self, rows: list[Rows], letters: list[DeadLetter], partition: Ints, offset: Ints, fresh: bool
    ) -> Aligned:
        """Notes records as read and says how far that goes."""
        replayed = int(self._rewind.replayed(partition, offset).sum())
        self._rewind.read(partition, offset)
        return Aligned(rows, letters, self._rewind.positions(), replayed, fresh, self._aligner.counters.late)

    def _verdicts(self, parts: Sequence[SampleBatch], silent: Ints | None) -> Iterator[Verdict]:
        """Scores as it is asked, then what is pending of the series that are silent, or of all."""
        for samples in parts:
            yield from self._scorer.push(samples)
        yield self._scorer.flush(silent)

    def _judged(self, rows: Rows) -> Output | None:
        """Scores rows and forgets what fell silent; None if the results were written before."""
        verdicts, names = self._verdicts(rows.samples, rows.silent), self._series.keys
        ended = [self._series.key(one) for one in rows.silent.tolist()]
        output = None
        if rows.again:
            for _ in verdicts:
                pass
        else:
            decisions, alerts = self._decided(verdicts)
            alerts += self._policy.close(ended)
            output = Output(names, self._channels, decisions, alerts, silent=ended)
        if len(rows.silent):
            self._scorer.evict(rows.silent)
            self._series.release(rows.gone)
        return output

    def _decided(self, verdicts: Iterable[Verdict]) -> tuple[DecisionBatch, list[Alert]]:
        decisions: list[DecisionBatch] = []
        alerts: list[Alert] = []
        for verdict in verdicts:
            if len(verdict.decisions) or not decisions:  # to join nothing to something takes a copy
                decisions.append(verdict.decisions)
            alerts += self._policy.push(verdict.decisions, self._series, verdict.explain)
        return joined(decisions), alerts
