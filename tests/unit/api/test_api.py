"""The library on DataFrames, in five lines."""

import doctest
import functools

import numpy as np
import pandas as pd
import pytest

from detector import api
from detector.bundle import Bundle
from detector.errors import DataError, SchemaMismatch
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig

TINY = DetectorConfig(members=(ProjectionMember(window=12), MemoryMember(window=8, size=80)))
COLUMNS = ["anomaly_score", "is_anomaly", "top_channel"]


@functools.cache
def example() -> tuple[pd.DataFrame, pd.DataFrame]:
    return api.example(rows=600)


@functools.cache
def bundle() -> Bundle:
    return api.fit(example()[0], TINY)


def test_the_example_in_the_documentation_runs():
    outcome = doctest.testmod(api)
    assert outcome.attempted >= 5
    assert not outcome.failed


@pytest.mark.parametrize("delay", [0, api.DELAY])
def test_the_drop_of_the_pressure_is_found(delay):
    recent = example()[1]
    found = api.score(bundle(), recent, delay)
    assert found.columns.tolist() == COLUMNS
    assert found.index.equals(recent.index)
    assert found.is_anomaly[610:700].mean() > 0.5
    assert found.is_anomaly[:550].mean() < 0.05
    assert set(found.top_channel[found.is_anomaly]) <= {"flow", "pressure"}
    assert (found.anomaly_score >= 0).all()
    np.testing.assert_array_equal(found.is_anomaly, found.anomaly_score >= 1)


@pytest.mark.parametrize("index", ["time", "rows"])
def test_the_time_may_be_the_index(index):
    history, recent = example()
    if index == "time":
        history, recent = history.set_index("timestamp"), recent.set_index("timestamp")
    else:
        history, recent = history.drop(columns="timestamp"), recent.drop(columns="timestamp")
    found = api.score(api.fit(history, TINY), recent)
    assert found.index.equals(recent.index)
    np.testing.assert_allclose(found.anomaly_score, api.score(bundle(), example()[1]).anomaly_score, rtol=0.2)


def test_rows_in_any_order_keep_their_place():
    recent = example()[1][:200]
    shuffled = recent.sample(frac=1, random_state=0)
    found = api.score(bundle(), shuffled)
    assert found.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(found.sort_index(), api.score(bundle(), recent))


def test_several_series_learn_together():
    history = example()[0]
    both = api.fit([history[:300], history[300:]], TINY)
    assert both.facts["runs"] == 2
    assert both.facts["rows"] == len(history)


def test_the_label_is_no_channel():
    labelled = example()[0].assign(is_anomaly=1)
    assert api.fit(labelled, TINY).version == bundle().version


def test_missing_values_are_normal_and_an_empty_beginning_has_no_score():
    recent = example()[1][:120].copy()
    recent.loc[:9, ["flow", "pressure"]] = np.nan
    recent.loc[50:60, "flow"] = np.inf
    found = api.score(bundle(), recent)
    assert np.flatnonzero(found.anomaly_score.isna()).tolist() == list(range(10))
    assert not found.is_anomaly[:10].any()
    assert (found.top_channel[:10] == "").all()


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_hardly_any_rows_are_scored_too(rows):
    found = api.score(bundle(), example()[1][:rows])
    assert len(found) == rows
    assert found.columns.tolist() == COLUMNS


def test_a_detector_of_short_windows_waits_longer_than_it_remembers():
    history, recent = example()
    short = api.fit(history[:30], TINY)
    assert short.detector.window < api.DELAY
    wild = recent.assign(pressure=recent.pressure + 50)
    assert api.score(short, wild).is_anomaly.all()


def test_channels_must_be_those_of_the_training():
    with pytest.raises(SchemaMismatch, match="lacks 'pressure' and has unknown 'head'"):
        api.score(bundle(), example()[1].rename(columns={"pressure": "head"}))
    reordered = example()[1][["pressure", "timestamp", "flow"]]
    pd.testing.assert_frame_equal(api.score(bundle(), reordered), api.score(bundle(), example()[1]))


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match="no data"):
        api.fit([], TINY)
    with pytest.raises(DataError, match="at least 24"):
        api.fit(example()[0][:10], TINY)


def test_progress_is_told_to_its_end():
    told: list[tuple[str, float]] = []
    api.fit(example()[0], TINY, progress=lambda *step: told.append(step))
    assert {"projection", "memory", "refit"} <= {step for step, _ in told}
    told.clear()
    api.score(bundle(), example()[1], progress=lambda *step: told.append(step))
    assert told[-1] == ("score", 1.0)


def test_plot_draws_the_channels_and_the_score():
    figure = api.plot(bundle(), example()[1][:100])
    assert len(figure.axes) >= 2


def test_columns_may_have_numbers_for_names():
    rows = pd.DataFrame(example()[0][["flow", "pressure"]].to_numpy())
    numbered = api.fit(rows, TINY)
    assert set(api.score(numbered, rows).top_channel) <= {"0", "1", ""}
    assert api.plot(numbered, rows[:100]).axes
