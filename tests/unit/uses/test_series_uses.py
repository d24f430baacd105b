"""What encode, denoise, impute, interpolate and compress promise."""

import numpy as np
import pandas as pd
import pytest
from trained import CHANNELS, WINDOW, bundle, waves

from detector import api
from detector.errors import ConfigError, DataError, SchemaMismatch
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.uses.impute import bridged
from detector.uses.series import rebuilt

MINUTE = pd.Timedelta(minutes=1)


def test_a_code_for_every_window_named_by_its_newest_row():
    frame = waves(100, 1)
    codes = api.encode(bundle(), frame)
    assert codes.columns.tolist() == ["timestamp", "code_0", "code_1", "code_2", "code_3"]
    assert codes.timestamp.tolist() == frame.timestamp[WINDOW - 1 :].tolist()
    thin = api.encode(bundle(), frame, every=7)
    pd.testing.assert_frame_equal(thin, codes[::7])


def test_windows_a_period_apart_have_like_codes_and_those_between_have_not():
    codes = api.encode(bundle(), waves(200, 1)).filter(like="code_").to_numpy()
    apart = [np.linalg.norm(codes[lag:] - codes[:-lag], axis=1).mean() for lag in (20, 40)]
    assert apart[1] < 0.3 * apart[0]


def test_codes_do_not_depend_on_the_order_of_rows():
    frame = waves(120, 1)
    shuffled = frame.sample(frac=1, random_state=0)
    one, two = api.encode(bundle(), frame), api.encode(bundle(), shuffled)
    pd.testing.assert_frame_equal(one, two)


def test_overlapping_windows_are_averaged():
    class Ends:  # rebuilds every row as 1 in the newest place of a window and 0 elsewhere
        window = 3

        def expect(self, windows, observed):
            return np.broadcast_to(np.array([0.0, 0.0, 1.0])[:, None], windows.shape)

    found = rebuilt(Ends(), np.zeros((5, 1), np.float32))
    np.testing.assert_allclose(found[:, 0], [0, 0, 1 / 3, 1 / 2, 1])


@pytest.mark.parametrize("centre", [False, True])
def test_the_denoised_signal_is_nearer_to_the_truth(centre):
    noisy, truth = waves(300, 2, noise=0.3), waves(300, 2, noise=0.0)[CHANNELS]
    clean = api.denoise(bundle("denoising", centre), noisy)
    before, after = (((x - truth) / truth.std()).pow(2).mean().mean() for x in (noisy[CHANNELS], clean))
    assert clean.index.equals(noisy.index)
    assert after < 0.4 * before


def test_what_is_missing_stays_missing_in_the_denoised_signal():
    frame = waves(100, 2)
    frame.loc[30:35, "flow"] = np.nan
    np.testing.assert_array_equal(api.denoise(bundle(), frame).isna(), frame[CHANNELS].isna())


def holed() -> tuple[pd.DataFrame, pd.DataFrame]:
    whole = waves(400, 3)
    frame = whole.copy()
    for begin in range(30, 390, 60):
        frame.loc[begin : begin + 11, "flow"] = np.nan
    return frame, whole


def test_gaps_are_filled_better_than_by_a_line_and_the_rest_is_untouched():
    frame, whole = holed()
    found = api.impute(bundle("denoising"), frame)
    gaps = frame[CHANNELS].isna().to_numpy()
    np.testing.assert_array_equal(found.filled, gaps)
    np.testing.assert_array_equal(found.values[CHANNELS].to_numpy()[~gaps], frame[CHANNELS].to_numpy()[~gaps])
    line = bridged(frame[CHANNELS].to_numpy(), ~gaps, np.zeros(2))
    error = [np.square(x - whole[CHANNELS].to_numpy())[gaps].mean() for x in (found.values[CHANNELS].to_numpy(), line)]
    assert error[0] < 0.25 * error[1]


def test_nothing_is_done_where_nothing_is_missing():
    frame = waves(100, 3)
    found = api.impute(bundle(), frame)
    assert not found.filled.to_numpy().any()
    pd.testing.assert_frame_equal(found.values, frame)


@pytest.mark.parametrize("text", [False, True])
def test_missing_rows_are_put_in_and_flagged(text):
    whole = waves(200, 3)
    frame = whole.drop(index=range(80, 90)).reset_index(drop=True)
    if text:
        frame["timestamp"] = frame.timestamp.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = api.impute(bundle(), frame)
    assert pd.to_datetime(found.values.timestamp, utc=True, format="ISO8601").tolist() == whole.timestamp.tolist()
    assert np.flatnonzero(found.rows < 0).tolist() == list(range(80, 90))
    assert found.filled.all(axis=1).to_numpy().nonzero()[0].tolist() == list(range(80, 90))
    assert found.values[CHANNELS].notna().all().all()
    assert len(api.impute(bundle(), frame, most_rows=9).values) == len(api.impute(bundle(), frame, 0).values) == 190


def test_numbered_rows_are_numbered_on():
    numbered = [frame.assign(timestamp=np.arange(len(frame))) for frame in (waves(600, 0), waves(100, 3))]
    learnt = bundle()
    other = api.fit(numbered[0], DetectorConfig(members=(api_member(learnt),)))
    found = api.impute(other, numbered[1].drop(index=[40, 41]))
    assert found.values.timestamp.tolist() == list(range(100))


def api_member(learnt):
    from detector.members.autoencoder import AutoencoderMember

    return AutoencoderMember.model_validate(learnt.config.members[1].model_dump(mode="json"))


def test_the_ends_of_the_way_are_the_windows_rebuilt():
    frame = waves(100, 1)
    stamps = [str(frame.timestamp[row]) for row in (40, 60)]
    found = api.interpolate(bundle(), frame, *stamps, steps=5)
    assert found.share.unique().tolist() == [0, 0.25, 0.5, 0.75, 1]
    coder = bundle().detector.members[1]
    scaled = bundle().detector.scaler.transform(frame[CHANNELS].to_numpy())
    for share, end in ((0, 40), (1, 60)):
        window = scaled[None, end + 1 - WINDOW : end + 1]
        expected = bundle().detector.scaler.inverse(coder.expect(window, None)[0])
        np.testing.assert_allclose(found[found.share == share][CHANNELS], expected, rtol=1e-4)


def test_between_the_entries_of_a_codebook_there_are_entries():
    quantised = bundle("vq_vae")
    codes = quantised.detector.members[1].model.codebook.entries.numpy()
    one, other = api.encode(quantised, waves(60, 1))[["code_0"]].to_numpy()[[0, 20]]
    assert one != other
    found = api.interpolate(quantised, waves(60, 1), "2026-01-01T00:15:00Z", "2026-01-01T00:35:00Z", steps=9)
    assert len(np.unique(found.groupby("share").flow.first().round(6))) <= min(9, len(codes) ** 2)


@pytest.mark.parametrize("when", ["2026-01-01T00:05:00Z", "2027-01-01T00:00:00Z", "noon"])
def test_a_window_that_is_not_there_cannot_be_named(when):
    with pytest.raises(DataError):
        api.interpolate(bundle(), waves(60, 1), when, "2026-01-01T00:50:00Z")


def test_a_larger_code_loses_less_and_saves_less():
    found = [api.compress(bundle(size=size), waves(300, 4)) for size in (1, 4)]
    assert [point.code_bits for point in found] == [8, 32]
    assert [point.ratio for point in found] == [WINDOW * 2 * 32 / 8, WINDOW * 2]
    assert found[1].error_ratio < 0.5 * found[0].error_ratio
    assert found[0].windows == 300 // WINDOW


def test_fewer_bits_lose_more():
    lost = [api.compress(bundle(), waves(300, 4), bits).error_ratio for bits in (1, 3, 8)]
    assert lost[0] > 1.5 * lost[1] > 1.5 * lost[2]


def test_a_discrete_code_counts_its_entries():
    found = api.compress(bundle("vq_vae"), waves(300, 4))
    assert found.code_bits == 4 * 6  # four slots of 64 entries
    assert 0 < found.entropy_bits <= found.code_bits
    assert found.error_ratio < 0.5


def test_the_view_of_shapes_pays_for_its_levels():
    assert api.compress(bundle("deep", centre=True), waves(300, 4)).code_bits == (4 + 2) * 8


def test_what_cannot_be_done_is_said_in_a_sentence():
    plain = api.fit(waves(300, 0), DetectorConfig(members=(ProjectionMember(name="pca", window=8),)))
    with pytest.raises(ConfigError, match="no autoencoder, only pca"):
        api.encode(plain, waves(60, 1))
    with pytest.raises(ConfigError, match="'nobody'; it has coder"):
        api.encode(bundle(), waves(60, 1), member="nobody")
    with pytest.raises(DataError, match="10 rows, the autoencoder looks at 16"):
        api.denoise(bundle(), waves(10, 1))
    with pytest.raises(SchemaMismatch):
        api.encode(bundle(), waves(60, 1).drop(columns="flow"))
    for wrong in (
        lambda: api.encode(bundle(), waves(60, 1), every=0),
        lambda: api.impute(bundle(), waves(60, 1), -1),
        lambda: api.compress(bundle(), waves(60, 1), bits=40),
        lambda: api.interpolate(bundle(), waves(60, 1), "2026-01-01", "2026-01-01", steps=1),
    ):
        with pytest.raises(ConfigError):
            wrong()
