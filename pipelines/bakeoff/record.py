"""What a bake-off leaves for machines: a CSV of every training, a JSON of the means, and runs in MLflow."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.entrants import Entrant, built
from pipelines.bakeoff.figures import FIGURES
from pipelines.bakeoff.marks import Marks
from pipelines.bakeoff.orderings import findings
from pipelines.bakeoff.summary import grouped, summary
from pipelines.registry.base import Run


def frame(marks: Sequence[Marks]) -> pd.DataFrame:
    """Returns a row per training: entrant, case, seed, every figure, and why it failed if it did."""
    rows = [
        {"entrant": one.entrant, "case": one.case, "seed": one.seed}
        | {name: one.figures.get(name, math.nan) for name in FIGURES}
        | {"failure": one.failure}
        for one in marks
    ]
    return pd.DataFrame(rows)


def content(config: BakeoffConfig, marks: Sequence[Marks]) -> dict[str, Any]:
    """Returns everything that the page shows in numbers, ready for JSON; what is not a number is null."""
    groups = grouped(marks)
    return {
        "settings": config.model_dump(mode="json"),
        "means": {name: _plain(means) for name, means in summary(marks).items()},
        "channel_error": {
            name: {one.case: one.channel_error for one in group if one.channel_error} for name, group in groups.items()
        },
        "orderings": [
            {**one.claim._asdict(), "backbone": one.backbone, "gain": _numbers(one.gain), "verdict": one.verdict}
            for one in findings(marks, config.backbones)
        ],
        "failures": [
            {"entrant": o.entrant, "case": o.case, "seed": o.seed, "why": o.failure} for o in marks if o.failure
        ],
    }


def written(config: BakeoffConfig, marks: Sequence[Marks]) -> str:
    """Returns ``content`` as JSON."""
    return json.dumps(content(config, marks), indent=1, allow_nan=False)


def tags(entrant: Entrant, config: BakeoffConfig) -> dict[str, str]:
    """Returns what an entrant's run is tagged with."""
    return {"variant": entrant.variant, "backbone": entrant.backbone, "dataset": config.dataset or "series"}


def log(run: Run, entrant: Entrant, config: BakeoffConfig, marks: Sequence[Marks]) -> None:
    """Writes hyperparameters, means with their intervals, every training's figures and one loss history into a run.

    Args:
        run: of the entrant.
        entrant: a model.
        config: what is compared.
        marks: all trainings of the entrant.
    """
    variant, backbone = built(entrant, config)
    run.params({f"variant.{name}": value for name, value in variant.model_dump().items() if value is not None})
    run.params({f"backbone.{name}": value for name, value in backbone.model_dump().items()})
    run.params({"steps": config.steps, "trainings": len(marks)})
    means = summary(marks).get(entrant.name, {})
    run.metrics({name: mean.value for name, mean in means.items()})
    run.metrics({f"{name}_low": mean.low for name, mean in means.items()})
    run.metrics({f"{name}_high": mean.high for name, mean in means.items()})
    for name in means:
        values = [(number, one.figures[name]) for number, one in enumerate(marks) if name in one.figures]
        finite = [(number, value) for number, value in values if math.isfinite(value)]
        run.curve(f"each_{name}", [number for number, _ in finite], [value for _, value in finite])
    for term, losses in marks[0].history.items():
        run.curve(f"loss_{term}", range(1, len(losses) + 1), losses)


def _plain(means: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    return {figure: _numbers(mean) for figure, mean in means.items()}


def _numbers(mean: Any) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in mean._asdict().items()}
