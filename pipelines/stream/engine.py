"""Readings in, results out: align, score, decide and raise alerts, with all state in one place."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from detector.alerting.alert import Alert
from detector.alerting.policy import AlertPolicy
from detector.inference import Scorer, Verdict
from detector.state import State, part, under
from detector.types import DecisionBatch, Ints, ReadingBatch, SampleBatch, cut, joined
from detector.windows.align import Aligner
from detector.windows.entities import SeriesIndex
from pipelines.io.base import Checkpoint, DeadLetter, Decoded, Output, RawBatch
from pipelines.stream.recovery import Rewind

PART_ROWS = 131_072
"""Readings that are aligned and scored in one go: bounds memory, and lets other threads in seldom."""
_NONE = np.empty(0, np.int32)


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
        self._ended = bool(checkpoint.state.get("ended"))
        if "alerts" in checkpoint.state:
            policy.restore(checkpoint.state["alerts"])

    @property
    def late(self) -> int:
        """Readings that came too late since the start."""
        return self._aligner.counters.late

    @property
    def series(self) -> int:
        """How many series have state."""
        return len(self._series)

    def firing(self) -> list[Alert]:
        """Alerts that are firing, those of before a restart too."""
        return self._policy.flush()

    def replayed(self, batch: RawBatch) -> int:
        """Returns how many of the records had given their results before the restart."""
        return int(self._rewind.replayed(batch.partition, batch.offset).sum())

    def push(self, batch: RawBatch, decoded: Decoded) -> list[Output]:
        """Takes the readings of a poll and returns what follows from them, in order, in one part at least.

        Records whose results were written before a restart fill the windows again and give nothing.

        Args:
            batch: the records.
            decoded: what they hold.
        """
        ids, letters = self._series.ids(decoded.keys), decoded.rejects
        readings = replace(decoded.readings, series=ids[decoded.readings.series])
        again = self._rewind.replayed(readings.partition, readings.offset)
        if again.any():
            before, readings = cut(readings, again), cut(readings, ~again)
            for part, later in self._parts(before):
                verdicts, silent = self._scored(part)
                for _ in verdicts:
                    pass
                self._release(silent, later, readings.series)
        if letters:
            told = self._rewind.replayed(*np.array([(x.partition, x.offset) for x in letters]).T)
            letters = [letter for letter, before in zip(letters, told, strict=True) if not before]
        if len(readings):
            self._ended = False
        first, *others = [self._decided(part, later) for part, later in self._parts(readings)]
        self._rewind.read(batch.partition, batch.offset)
        return [replace(first, dead_letters=letters), *others]

    def skip(self, letters: Sequence[DeadLetter]) -> Output:
        """Takes records that the source could not read, as if nothing had been in them."""
        partition, offset = np.array([(x.partition, x.offset) for x in letters]).T
        again = self._rewind.replayed(partition, offset)
        self._rewind.read(partition, offset)
        return self.report([letter for letter, before in zip(letters, again, strict=True) if not before])

    def report(self, letters: Sequence[DeadLetter]) -> Output:
        """Returns dead letters as results of their own."""
        nothing = self._scorer.flush(_NONE).decisions
        return Output((), self._channels, nothing, [], letters)

    def finish(self) -> Output:
        """Takes the end of the input: open rows close, and what waits for rows to come is decided without them."""
        verdicts = self._verdicts([self._aligner.flush()], None)
        if self._ended:  # an earlier run came to this same end and wrote these results
            verdicts = iter([*verdicts, self._scorer.flush()][-1:])
        decisions, alerts = self._judged(verdicts)
        alerts += [] if self._ended else self._policy.flush()
        self._ended = True
        return Output(self._series.keys, self._channels, decisions, alerts)

    def checkpoint(self) -> Checkpoint:
        """Returns where a restart goes on."""
        return Checkpoint(self._rewind.positions(), {"alerts": self._policy.state(), "ended": self._ended})

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

    def _parts(self, readings: ReadingBatch) -> Iterator[tuple[ReadingBatch, Ints]]:
        """Cuts readings before each that ends a silence, so that results do not depend on where polls end.

        Further cuts, which change nothing, keep what is worked on small. Gives each part with the series of all
        readings that come after it.
        """
        size = len(readings)
        edges = sorted({0, *range(PART_ROWS, size, PART_ROWS), *self._aligner.returns(readings).tolist(), size})
        for start, stop in itertools.pairwise(edges if size else [0, 0]):
            yield cut(readings, slice(start, stop)), readings.series[stop:]

    def _scored(self, readings: ReadingBatch) -> tuple[Iterator[Verdict], Ints]:
        """Returns what the readings settle, as it is scored, and the series silent for too long, to be released."""
        samples = self._aligner.push(readings)
        self._rewind.note(readings, samples)
        rows, silent = self._aligner.evict()
        return self._verdicts([samples, *([rows] if len(rows) else [])], silent), silent

    def _verdicts(self, parts: Sequence[SampleBatch], silent: Ints | None) -> Iterator[Verdict]:
        """Scores as it is asked, then what is pending of the series that are silent, or of all."""
        for samples in parts:
            yield from self._scorer.push(samples)
        yield self._scorer.flush(silent)

    def _decided(self, readings: ReadingBatch, later: Ints) -> Output:
        verdicts, silent = self._scored(readings)
        decisions, alerts = self._judged(verdicts)
        keys, ended = self._series.keys, [self._series.key(one) for one in silent.tolist()]
        alerts += self._policy.close(ended)
        self._release(silent, later)
        return Output(keys, self._channels, decisions, alerts, silent=ended)

    def _judged(self, verdicts: Iterable[Verdict]) -> tuple[DecisionBatch, list[Alert]]:
        decisions: list[DecisionBatch] = []
        alerts: list[Alert] = []
        for verdict in verdicts:
            decisions.append(verdict.decisions)
            alerts += self._policy.push(verdict.decisions, self._series, verdict.explain)
        return joined(decisions), alerts

    def _release(self, series: Ints, *later: Ints) -> None:
        """Forgets series; those whose readings are still to come keep their ids."""
        if len(series):
            self._scorer.evict(series)
            self._rewind.evict(series)
            self._series.release(np.setdiff1d(series, np.concatenate(later)))
