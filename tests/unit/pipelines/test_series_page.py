"""Which single series stand on the page: bounded, the loudest first, whatever happens meanwhile."""

import threading
from typing import Any

import numpy as np
import pytest

from detector.alerting.alert import Alert, ChannelShare
from pipelines.metrics.series import MetricsConfig, SeriesPage


def score(page: SeriesPage, partition: int | None, names: list[str], scores: np.ndarray) -> None:
    keys, ids = np.unique(np.array(names, object), return_inverse=True)
    page.scored(partition, keys.tolist(), ids, scores)


def page(**options: Any) -> tuple[SeriesPage, list[int]]:
    left: list[int] = []
    return SeriesPage("pumps", MetricsConfig(**options), left.append), left


def shown(found: SeriesPage) -> dict[str, float]:
    return {labels[1]: value for labels, value in found.scores()}


def alert(series: str, peak: float, **options: Any) -> Alert:
    told: dict[str, Any] = {"id": f"{series}-1", "state": "firing", "severity": "major", "detector": "pumps"}
    told |= {"model_version": "1", "series": series, "start_ns": 0, "peak_ns": 0, "peak_score": peak}
    return Alert(**{**told, **options})


def test_of_ten_thousand_series_the_loudest_are_shown_and_no_more() -> None:
    found, left = page(top_series=50)
    scores = np.random.default_rng(0).permutation(10_000) / 10_000
    score(found, None, [f"s{i}" for i in range(10_000)], scores)
    assert shown(found) == {f"s{i}": scores[i] for i in np.argsort(-scores)[:50].tolist()}
    assert left == [0]


def test_the_newest_score_of_a_series_counts_and_none_is_not_shown() -> None:
    found, _ = page(top_series=2)
    score(found, None, ["a", "b", "a"], np.array([9.0, 1.0, 0.5]))
    score(found, None, ["c"], np.array([np.nan]))
    assert shown(found) == {"a": 0.5, "b": 1.0}


def test_named_series_are_shown_whatever_they_score_up_to_the_cap() -> None:
    found, left = page(top_series=2, always=("s7", "quiet-*", "nobody"), most_series=5)
    names = [f"s{i}" for i in range(10)] + [f"quiet-{i}" for i in range(4)]
    score(found, None, names, np.concatenate([np.arange(10) / 10, np.zeros(4)]))
    assert list(shown(found)) == ["s9", "s8", "s7", "quiet-0", "quiet-1"]
    assert left == [2]


def test_series_that_fell_silent_or_moved_away_are_gone() -> None:
    found, _ = page()
    score(found, 0, ["a", "b"], np.array([1.0, 2.0]))
    score(found, 1, ["c"], np.array([3.0]))
    found.changed([alert("a", 2.0), alert("c", 3.0)])
    found.silent(0, ["a", "never seen"])
    assert shown(found) == {"b": 2.0, "c": 3.0}
    found.ended(1)
    assert shown(found) == {"b": 2.0}
    assert set(found.open) == {"a"}


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    found, _ = page(top_series=0)
    score(found, None, ["a"], np.array([1.0]))
    assert found.scores() == []


def test_open_alerts_tell_their_channels_and_new_ones_are_counted_once() -> None:
    found, left = page(most_series=1)
    share = ChannelShare(name="flow", share=0.7, actual=2.0, expected=4.0, low=None, high=4.5)
    assert found.changed([alert("a", 2.0, channels=(share,)), alert("b", 1.5)]) == 2
    assert found.changed([alert("a", 3.0, channels=(share,))]) == 0
    assert found.peaks() == [(("pumps", "a", "major"), 3.0)]
    assert left == [1]
    assert found.shares() == [(("pumps", "a", "flow"), 0.7)]
    told = {labels[3]: value for labels, value in found.values()}
    assert told == {"measured": 2.0, "expected": 4.0, "high": 4.5}
    assert found.changed([alert("a", 3.0, state="resolved"), alert("a", 9.0, id="later")]) == 1
    assert found.changed([alert("nobody", 1.0, state="resolved")]) == 0


def test_scrapes_and_the_loop_do_not_disturb_each_other() -> None:
    found, _ = page()
    stop = threading.Event()
    failures: list[RuntimeError] = []

    def scrape() -> None:
        while not stop.is_set():
            try:
                found.scores()
                found.peaks()
            except RuntimeError as error:
                failures.append(error)
                return

    thread = threading.Thread(target=scrape)
    thread.start()
    for turn in range(300):
        names = [f"s{turn}-{i}" for i in range(50)]
        score(found, turn % 3, names, np.ones(50))
        found.changed([alert(name, 2.0) for name in names[:5]])
        found.silent(turn % 3, names[10:])
        found.ended((turn + 1) % 3)
    stop.set()
    thread.join()
    assert not failures


def test_bounds_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="less than or equal to 5000"):
        MetricsConfig(most_series=5001)
