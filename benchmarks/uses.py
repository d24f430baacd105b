"""Denoising and filling of gaps on real series.

Run with ``RECONWATCH_DATA=DIR python -m benchmarks.uses``. A denoising autoencoder learns the first 70% of at most
6,000 rows (labels unseen). Then noise of half a training deviation is added to the rest, and stretches are hidden.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from detector import api
from detector.bundle import Bundle
from detector.fitting.frames import channels_of
from detector.members.presets import single
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.variants.denoising import DenoisingConfig
from detector.uses.impute import bridged
from pipelines.io.frames import read_table

SERIES = (("ecg_mba", 0), ("ucr", 3), ("nab", 3), ("batadal", 0), ("smd", 0), ("skab", 1))
ROWS, JUDGED, LEARNT_RATIO = 6000, 1500, 0.7
NOISE_SD = 0.5
HOLES = ((5, 0.10), (20, 0.15))
"""Rows of a hole and the share of the rows of each channel that is hidden."""


def gain_db(bundle: Bundle, frame: pd.DataFrame, rng: np.random.Generator) -> float:
    """Noise power before over after denoising, on the detector's scale, over channels that move."""
    scale, names = bundle.detector.scaler, list(channels_of(frame))
    truth = scale.transform(frame[names].to_numpy(np.float64))
    noise = NOISE_SD * rng.standard_normal(truth.shape)
    noisy = frame.assign(**dict(zip(names, scale.inverse(truth + noise).T, strict=True)))
    after = scale.transform(api.denoise(bundle, noisy)[names].to_numpy()) - truth
    moving = np.nanstd(truth, axis=0) > 0.05
    return float(10 * np.log10(np.square(noise[:, moving]).mean() / np.nanmean(np.square(after[:, moving]))))


def errors(
    bundle: Bundle, frame: pd.DataFrame, rows: int, ratio: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Root mean squared error of filled cells, on the detector's scale: of a straight line, and of ``impute``."""
    scale, names = bundle.detector.scaler, list(channels_of(frame))
    values = frame[names].to_numpy(np.float64)
    hidden = np.zeros(values.shape, bool)
    for channel in hidden.T:
        for begin in rng.integers(rows, len(values) - 2 * rows, int(ratio * len(values) / rows)):
            channel[begin : begin + rows] = True
    truth = scale.transform(values)
    judged = hidden & np.isfinite(truth) & (np.nanstd(truth, axis=0) > 0.05)
    holed = np.where(hidden, np.nan, values)
    found = api.impute(bundle, frame.assign(**dict(zip(names, holed.T, strict=True))), most_rows=0).values[names]
    seen = scale.transform(holed)
    line = bridged(seen, ~np.isnan(seen), scale.fill)
    ways = (line, scale.transform(found.to_numpy()))
    one, other = (float(np.sqrt(np.square(way - truth)[judged].mean())) for way in ways)
    return one, other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--quick", action="store_true", help="the first series only")
    options = parser.parse_args()
    if options.data is None:
        print("uses: skipped, there is no data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        return
    print("series, gain of denoising in dB, error of a line and of impute for holes of 5 and of 20 rows")
    for collection, number in SERIES[: 1 if options.quick else None]:
        entry = json.loads((options.data / collection / "manifest.json").read_text())["series"][number]
        frame = read_table(options.data / collection / entry["file"]).frame[:ROWS].reset_index(drop=True)
        cut = int(LEARNT_RATIO * len(frame))
        bundle = api.fit(frame[:cut], single(DenoisingConfig(), Conv1dBackbone()))
        rest = frame[cut : cut + JUDGED].reset_index(drop=True)
        rng = np.random.default_rng(0)
        told = [f"{gain_db(bundle, rest, rng):.1f}"]
        for rows, ratio in HOLES:
            told += [f"{error:.3f}" for error in errors(bundle, rest, rows, ratio, rng)]
        print(f"{collection} {entry['id']}", *told, flush=True)


if __name__ == "__main__":
    main()
