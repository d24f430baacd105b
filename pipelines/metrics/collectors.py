"""Kinds of metrics that prometheus_client does not have: histograms of whole arrays, gauges asked for at a scrape."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numba import njit
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from detector.types import Floats


class Ratios(Collector):
    """A histogram that takes a whole array at a time.

    Args:
        name: of the metric.
        documentation: for people.
        labelnames: its one label.
        buckets: upper bounds.
        registry: where it is shown.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: tuple[str],
        buckets: tuple[float, ...],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labelnames
        self._edges = np.array([*buckets, np.inf])
        self._counts: dict[str, np.ndarray] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def observe(self, label: str, values: Floats) -> None:
        """Counts values [B]; NaN is left out."""
        counts, total = _counted(values, self._edges)
        self._counts[label] = self._counts.get(label, 0) + counts
        self._sums[label] = self._sums.get(label, 0.0) + total

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Gives the histogram to a scrape."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        edges = ["+Inf" if np.isinf(edge) else str(edge) for edge in self._edges.tolist()]
        for label, counts in [*self._counts.items()]:
            buckets = list(zip(edges, np.cumsum(counts).tolist(), strict=True))
            family.add_metric([label], buckets, self._sums[label])
        yield family


@njit(cache=True, nogil=True)
def _counted(values: Floats, edges: Floats) -> tuple[np.ndarray, float]:
    """Returns how many values [B] lie up to each edge and above the one before it, and their sum."""
    counts, total, last, at = np.zeros(len(edges), np.int64), 0.0, np.nan, 0
    for value in values:
        if value == value:
            if value != last:  # rows between two looks repeat a score
                last, at = value, np.searchsorted(edges, value)
            counts[at] += 1
            total += value
    return counts, total


class Asked(Collector):
    """Gauges whose values are asked for at every scrape, so that they cost nothing between two of them.

    Args:
        name: of the metric.
        documentation: for people.
        labelnames: its labels.
        registry: where it is shown.

    Attributes:
        ask: gives the values of the labels, and the value, of every gauge; called from the server's thread.
    """

    def __init__(self, name: str, documentation: str, labelnames: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._labels = name, documentation, labelnames
        self.ask: Callable[[], Iterable[tuple[Sequence[str], float]]] = tuple
        registry.register(self)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Gives the gauges to a scrape."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, value in self.ask():
            family.add_metric(labels, value)
        yield family
