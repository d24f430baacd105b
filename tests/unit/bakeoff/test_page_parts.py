"""Parts of the page: mosaics and tables."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipelines.bakeoff import mosaics
from pipelines.bakeoff.marks import Marks, Snapshot
from pipelines.bakeoff.pictures import channels
from pipelines.bakeoff.summary import Mean
from pipelines.bakeoff.tables import section_table, shown


def _snapshot(generative: bool, mapped: bool) -> Snapshot:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(8, 16, 3)).astype(np.float32)
    return Snapshot(
        windows=windows,
        rebuilt=windows / 2,
        samples=windows + 1 if generative else None,
        path=windows,
        map=rng.normal(size=(40, 2)) if mapped else None,
        colour=np.zeros(40, int),
    )


SNAPSHOTS = {"deep": _snapshot(generative=False, mapped=True), "vae": _snapshot(generative=True, mapped=False)}


def _labels(figure: Figure) -> list[str]:
    figure.savefig(io.BytesIO(), format="png", dpi=20)  # it can be drawn
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


@pytest.mark.parametrize("images", [True, False], ids=["images", "courses"])
def test_a_mosaic_has_a_row_per_variant_below_what_it_is_compared_with(images: bool) -> None:
    assert _labels(mosaics.reconstructions(SNAPSHOTS, images)) == ["held out", "deep", "vae"]
    assert _labels(mosaics.paths(SNAPSHOTS, images))[1:] == ["deep", "vae"]
    made = mosaics.samples(SNAPSHOTS, images)
    assert made is not None
    assert _labels(made) == ["real", "vae"]
    assert mosaics.samples({"deep": SNAPSHOTS["deep"]}, images) is None


def test_a_map_of_equal_codes_says_so() -> None:
    figure = mosaics.maps(SNAPSHOTS)
    assert [axes.get_title() for axes in figure.axes] == ["deep", "vae"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["all codes equal"]


def test_errors_of_channels_are_averaged_over_cases_that_have_the_same() -> None:
    cases = [("x", {"a": 0.1, "b": 0.5}), ("x", {"a": 0.3, "b": 0.7}), ("y", {"other": 9.0})]
    groups = {"deep-dense": [Marks("deep-dense", case, 0, {}, errors) for case, errors in cases]}
    figure = channels(groups, ["deep", "vae"], ["dense"])
    assert _labels(figure) == ["deep"], "what was not measured has no line"
    shades = figure.axes[0].images[0].get_array()
    assert shades is not None
    assert shades.tolist() == [[pytest.approx(0.2), pytest.approx(0.6)]]


def test_a_table_is_in_order_with_the_best_of_a_column_in_bold() -> None:
    means = {
        "good": {"midpoint_ratio": Mean(0.95, 0.9, 1.0)},
        "far": {"midpoint_ratio": Mean(2.0, 1.9, 2.1)},
        "clings": {"midpoint_ratio": Mean(0.1, np.nan, np.nan)},
        "none": {"auc_roc": Mean(0.9, 0.8, 1.0)},
    }
    found = section_table(means, "interpolation")
    assert found.index("good") < found.index("far") < found.index("clings")
    assert "none" not in found
    assert found.count("<b>") == 1
    assert "<b>0.95</b>" in found
    assert "nan" not in found


def test_numbers_have_three_digits_that_count() -> None:
    assert [shown(value) for value in (0.123456, 53808.0, 2.0, np.nan)] == ["0.123", "53,808", "2", "-"]
