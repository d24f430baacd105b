"""Intrusions in network flows: a variational encoder alone against an isolation forest.

Run with ``RECONWATCH_DATA=DIR python -m benchmarks.flows``; its folder ``flows`` holds NSL-KDD and IoT-23. Both learn
from normal connections only, of the training file (NSL-KDD) or of the first half in time (IoT-23); labels pick those
and judge.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from detector.evaluation.causal import causal_scores
from detector.fitting.dataset import runs
from detector.fitting.fit import fit_detector
from detector.fitting.frames import align, schema_of
from detector.members.base import Look, in_blocks
from detector.members.posterior import Posterior
from detector.members.presets import flows
from detector.plots import ALARM, EXPECTED, GRID, MUTED
from detector.windows.scale import filled
from detector.windows.schema import Schema
from pipelines.io.frames import ROWS, Layout, read_table

SEEDS = 5
NSL_KDD, SCENARIOS = "NSL-KDD", ("8-1", "20-1", "44-1")
NSL = Layout(ROWS, ("attack_type", "difficulty"), any_text=True)
ZEEK_NAMES = ("uid", "id.orig_h", "id.resp_h", "id.orig_p", "label", "detailed-label")
ZEEK = Layout("ts", ZEEK_NAMES, ("id.resp_p",), any_text=True)
METHODS = ("encoder alone, distance of codes", "encoder alone, KL to the prior", "isolation forest")


class Case(NamedTuple):
    """Normal connections to learn from, and connections to judge with their labels [N]."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    labels: np.ndarray
    text: tuple[str, ...]


def cases(folder: Path, only: str) -> Iterator[Case]:
    if NSL_KDD.startswith(only):
        yield nsl_kdd(folder)
    for scenario in SCENARIOS:
        if f"IoT-23 {scenario}".startswith(only):
            yield iot_23(folder, scenario)


def nsl_kdd(folder: Path) -> Case:
    learnt, judged = (read_table(folder / f"nsl_kdd_{part}.csv.gz", NSL) for part in ("train", "test"))
    assert learnt.labels is not None
    assert judged.labels is not None
    normal = learnt.frame[~learnt.labels].reset_index(drop=True)
    return Case(NSL_KDD, normal, judged.frame, judged.labels, learnt.text)


def iot_23(folder: Path, scenario: str) -> Case:
    table = read_table(folder / f"iot23_{scenario.replace('-', '_')}.csv.gz", ZEEK)
    assert table.labels is not None
    normal = np.flatnonzero(~table.labels)
    cut = normal[len(normal) // 2]
    train = table.frame.iloc[normal[normal < cut]].reset_index(drop=True)
    # Attacks before the cut are judged too: they were not learnt from.
    kept = (np.arange(len(table.frame)) >= cut) | table.labels
    return Case(f"IoT-23 {scenario}", train, table.frame[kept].reset_index(drop=True), table.labels[kept], table.text)


def encoder(case: Case, schema: Schema, seed: int) -> dict[str, np.ndarray]:
    """Both scores of one trained encoder."""
    data = runs(align(schema, case.train, case.name))
    detector = fit_detector(flows(), schema, data, seed, refuse=False).detector
    scaled = detector.scaler.transform(align(schema, case.test, case.name).values)
    member = detector.members[0]
    assert isinstance(member, Posterior)
    windows = filled(scaled[:, None], detector.scaler.fill)[0]
    posterior = in_blocks(lambda part, _: Look(member.engine.run(part), None), windows, None)
    return {
        METHODS[0]: causal_scores(detector, scaled[None])[0],
        METHODS[1]: member.divergence(posterior.values),
    }


def forest(case: Case, schema: Schema, seed: int) -> np.ndarray:
    train, test = (align(schema, frame, case.name).values for frame in (case.train, case.test))
    fill = pd.DataFrame(train).median().fillna(0).to_numpy()
    train, test = (np.where(np.isnan(values), fill, values) for values in (train, test))
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--plot", type=Path, help="PNG of the ROC curves of seed 0")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--quick", action="store_true", help="one seed of one capture")
    options = parser.parse_args()
    if options.data is None:
        print("flows: skipped, there is no data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        return
    if options.quick:
        options.seeds, options.only = 1, "IoT-23 20"
    curves = {}
    print(f"{'data':<12} {'method':<34} {'AUC-ROC':>22} {'AUC-PR':>22}")
    for case in cases(options.data / "flows", options.only):
        schema = schema_of([case.train], case.text, independent=True)
        order = np.argsort(case.test.timestamp.to_numpy(), kind="stable")
        labels = case.labels[order]
        found: dict[str, list[np.ndarray]] = {}
        for seed in range(options.seeds):
            judged = encoder(case, schema, seed) | {METHODS[2]: forest(case, schema, seed)}
            for method in METHODS:
                found.setdefault(method, []).append(judged[method])
        print(f"{case.name}: {len(case.train)} normal connections, {len(labels)} judged, {labels.sum()} attacks")
        for method, scores in found.items():
            roc = [roc_auc_score(labels, score) for score in scores]
            pr = [average_precision_score(labels, score) for score in scores]
            print(f"{case.name:<12} {method:<34} {told(roc):>22} {told(pr):>22}", flush=True)
        curves[case.name] = {method: roc_curve(labels, scores[0])[:2] for method, scores in found.items()}
    if options.plot:
        draw(curves).savefig(options.plot, dpi=80)


def told(values: list[float]) -> str:
    """Mean and 95% interval of Student's t over the seeds."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{np.mean(values):.4f} ± {half:.4f}"


def draw(curves: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    for axes, (name, methods) in zip(figure.subplots(1, len(curves), squeeze=False).flat, curves.items(), strict=True):
        for (method, (false, true)), color in zip(methods.items(), (EXPECTED, MUTED, ALARM), strict=True):
            axes.plot(false, true, color=color, linewidth=1.3, label=method)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("normal connections flagged", fontsize=8)
        axes.grid(True, color=GRID, linewidth=0.5)
        axes.tick_params(labelsize=7)
    figure.axes[0].set_ylabel("attacks found", fontsize=8)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


if __name__ == "__main__":
    main()
