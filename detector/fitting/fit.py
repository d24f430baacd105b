"""Fits a whole detector: scaler, members, fusion and the held-out scores that calibration needs."""

from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from detector.bundle import Bundle, golden
from detector.evaluation.causal import causal_scores
from detector.evaluation.selftest import self_test
from detector.fitting.dataset import Run, check, fit_window, split
from detector.members.base import MOST, Member, Progress, Rows, in_blocks, spread
from detector.members.detector import Detector, Fusion
from detector.members.recipe import Recipe
from detector.members.reconstruction import View
from detector.members.table import DetectorConfig
from detector.types import Floats
from detector.windows.scale import filled
from detector.windows.schema import Schema

BAND_QUANTILE = 0.99
BAND_ROWS = 4096


def fit_detector(
    config: DetectorConfig,
    schema: Schema,
    data: list[Run],
    seed: int = 0,
    progress: Progress = lambda *_: None,
    refuse: bool = True,
) -> Bundle:
    """Learns what is normal from unlabelled rows.

    A few anomalies in the data do little harm: autoencoders drop the worst 5% of every batch, scales are quantiles.

    Args:
        config: members and scaler.
        schema: channels of the data.
        data: aligned runs, in order of time within each series.
        seed: of everything random; the same data, config and seed give the same bytes on one machine.
        progress: told the name of the step and the share of it that is done.
        refuse: a detector that fails its self-test is refused; otherwise ``facts["self_test"]["passed"]`` is false.

    Returns:
        The bundle, ready to save.

    Raises:
        DataError: too little data.
        GateRejected: the scores do not rise on injected anomalies, and ``refuse``.
        TrainingDiverged: a loss became NaN or infinite.
    """
    check(data)
    scaler = config.scaler.fit(np.concatenate([run.values for run in data]))
    longest = max(map(len, data))
    members = [member.shortened(fit_window(member.window, longest)) for member in config.members]
    config = config.model_copy(update={"members": tuple(members)})
    told = [member.conditions if isinstance(member, View) else 0 for member in members]
    wanted = [len(schema.channels) + columns for columns in told]
    rows = split(data, scaler, max(member.window for member in members), any(told))
    with ThreadpoolController().limit(limits=1):
        fitted = tuple(
            member.fit(_only(rows.fit, columns), _only(rows.held_out, columns), seed, progress)
            for member, columns in zip(members, wanted, strict=True)
        )
        values = [_outputs(m, _only(rows.held_out, columns)) for m, columns in zip(fitted, wanted, strict=True)]
        fusion = Fusion.fit(values, [member.weight for member in members])
        draft = Detector(schema, scaler, fitted, fusion, np.zeros(len(schema.channels)), ())
        whole = [run for run in rows.held_out if len(run) >= draft.window]
        draft = replace(draft, held_out=tuple(causal_scores(draft, run.values[None])[0] for run in whole))
        progress("self-test", 0.0)
        tested = self_test(draft, [scaler.inverse(run.values[:, : draft.channels]) for run in whole], seed)
        if refuse:
            tested.check()
        progress("self-test", 1.0)
        band = _band(draft, rows.held_out)
        progress("refit", 0.0)
        refitted = tuple(m.refit(_only(rows.all, columns)) for m, columns in zip(fitted, wanted, strict=True))
        progress("refit", 1.0)
        detector = Detector(schema, scaler, refitted, fusion, band, draft.held_out)
        facts = _facts(data) | {"self_test": tested.facts()}
        return Bundle(detector, Recipe.of(config), seed, facts, golden(detector, rows.held_out))


def _only(runs: list[Rows], columns: int) -> list[Rows]:
    return [run.only(columns) for run in runs]


def _outputs(member: Member, runs: list[Rows]) -> Floats:
    """Returns the member's values on held-out windows, every stride-th, [N, K]."""
    found = []
    for rows in runs:
        windows = rows.windows(member.window)[:: member.stride]
        for begin in range(0, len(windows), MOST):
            part, observed = filled(np.ascontiguousarray(windows[begin : begin + MOST]), rows.fill)
            shown = observed[..., : observed.shape[-1] - member.conditions]
            found.append(in_blocks(member.look, part, None if shown.all() else shown).values)
    return np.concatenate(found)


def _band(detector: Detector, runs: list[Rows]) -> Floats:
    """Returns the quantile of the error of the expected newest row per channel, scaled units, [F]."""
    windows = spread(runs, detector.window, BAND_ROWS)
    band = np.full(detector.channels, np.nan)
    shown = windows[..., : detector.channels]
    expected = detector.expected(windows, np.ones_like(shown, bool), np.zeros(len(windows), int))
    if not np.isnan(expected).all():
        band = np.quantile(np.abs(expected - shown[:, -1]), BAND_QUANTILE, axis=0)
    return band


def _facts(data: list[Run]) -> dict[str, Any]:
    return {
        "rows": sum(map(len, data)),
        "runs": len(data),
        "first_time_ns": min(int(run.time_ns[0]) for run in data),
        "last_time_ns": max(int(run.time_ns[-1]) for run in data),
    }
