import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from detector.plots import MOST_CHANNELS, Picture, draw, scores_figure
from detector.types import Explanation
from detector.windows.schema import NS, Channel, Schema


def scored(rows: int, channels: int) -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    names = [f"c{number:02d}" for number in range(channels)]
    frame = pd.DataFrame(np.zeros((rows, channels)), columns=names)
    frame.insert(0, "timestamp", pd.date_range("2026-01-01", periods=rows, freq="s", tz="UTC"))
    score = np.full(rows, 0.5)
    score[rows // 2] = 3.0
    scores = pd.DataFrame({"anomaly_score": score, "is_anomaly": score >= 1, "top_channel": names[-1]})
    return frame, scores, Schema(channels=tuple(Channel(name=name, unit="m") for name in names))


def drawn(figure: Figure) -> str:
    svg = io.StringIO()
    figure.savefig(svg, format="svg")
    return svg.getvalue()


def score_line(figure: Figure) -> np.ndarray:
    return figure.axes[-1].get_lines()[0].get_ydata()


def test_every_channel_has_a_panel_and_the_score_comes_last() -> None:
    figure = scores_figure(*scored(200, 3))
    assert [axes.get_ylabel() for axes in figure.axes] == ["c00\nm", "c01\nm", "c02\nm", "anomaly\nscore"]
    assert drawn(figure).startswith("<?xml")


def test_of_many_channels_the_loudest_are_shown() -> None:
    figure = scores_figure(*scored(200, 30))
    shown = [axes.get_ylabel().split("\n")[0] for axes in figure.axes[:-1]]
    assert len(shown) == MOST_CHANNELS
    assert "c29" in shown


def test_a_single_peak_survives_in_a_long_series() -> None:
    figure = scores_figure(*scored(300_000, 1))
    line = score_line(figure)
    assert len(line) < 10_000
    assert line.max() == 3.0
    drawn(figure)


def test_labels_are_shown_where_the_data_has_them() -> None:
    frame, scores, schema = scored(200, 1)
    without = scores_figure(frame, scores, schema)
    frame["is_anomaly"] = 0
    frame.loc[90:110, "is_anomaly"] = 1
    told = {text.get_text() for text in scores_figure(frame, scores, schema).legends[0].get_texts()}
    assert told - {text.get_text() for text in without.legends[0].get_texts()} == {"known fault"}


def test_rows_in_any_order_give_the_picture_of_the_rows_in_order() -> None:
    frame, scores, schema = scored(500, 2)
    shuffled = np.random.default_rng(0).permutation(len(frame))
    figure = scores_figure(frame.iloc[shuffled], scores.iloc[shuffled], schema)
    assert np.array_equal(score_line(figure), scores.anomaly_score)


@pytest.mark.parametrize("score", [np.full(1, 0.4), np.full(7, np.nan)])
def test_one_row_and_rows_without_a_score_can_be_drawn(score: np.ndarray) -> None:
    time = np.arange(len(score))
    picture = Picture(time, np.zeros((len(score), 1)), score, Schema(channels=(Channel(name="a"),)), score >= 1)
    drawn(draw(picture, [0]))


def test_the_expected_value_and_its_band_are_drawn_where_known() -> None:
    rows = np.linspace(0, 1, 50)[:, None]
    told = Explanation(rows, rows + 1, rows + 0.5, rows + 1.5)
    schema = Schema(channels=(Channel(name="a"),), has_clock=False)
    figure = draw(Picture(np.arange(50) * NS, rows, rows[:, 0], schema, rows[:, 0] > 2, told), [0])
    assert {"expected", "99% band", "actual"} <= {text.get_text() for text in figure.legends[0].get_texts()}
    assert np.array_equal(figure.axes[0].get_lines()[0].get_ydata(), told.expected[:, 0])
