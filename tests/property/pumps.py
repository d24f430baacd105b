"""Three pumps whose readings are as bad as they come, and configurations under which that matters."""

import numpy as np
import orjson
import pandas as pd

from detector.api import fit
from detector.bundle import Bundle
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.settings import Settings

RECORDS, SERIES, STEP_S = 420, 3, 10


def fitted(*members: ProjectionMember) -> Bundle:
    """A detector that learned a pump without faults."""
    random = np.random.default_rng(0)
    load = np.sin(np.arange(600) / 9)
    values = np.stack([load, 1 - load], axis=1) + 0.05 * random.normal(size=(600, 2))
    frame = pd.DataFrame(values, columns=["flow", "pressure"]).assign(timestamp=STEP_S * np.arange(600))
    return fit(frame, DetectorConfig(members=members))


def records(seed: int = 1) -> list[bytes]:
    """Three pumps in turns, with faults, gaps, held channels, late and repeated records, and rubbish.

    The last is silent for a while, in which another one comes and goes.
    """
    random = np.random.default_rng(seed)
    found = []
    for i in range(RECORDS):
        step, pump = divmod(i, SERIES)
        load = float(np.sin(step / 9) + 0.05 * random.normal())
        name: int | str = pump if pump < 2 or not 50 <= step < 80 else "other"
        fault = 3.0 if (40 <= step < 50 and name in (0, 2)) or 90 <= step < 93 else 0.0
        record = {"id": f"p{name}", "timestamp": STEP_S * step, "flow": load, "pressure": 1 - load + fault}
        if random.random() < 0.2:
            record["timestamp"] -= STEP_S * int(random.integers(1, 4))
        if random.random() < 0.1:
            del record["flow"]
        found.append(b"rubbish" if random.random() < 0.03 else orjson.dumps(record))
    return found


def settings(**sections: object) -> Settings:
    return Settings.model_validate(
        {"detector": {"bundle": "-"}, "source": {"kind": "memory"}, "decoder": {"kind": "wide", "entity": "id"}}
        | sections
    )


VARIATIONS = {
    "rows": settings(scoring={"delay": 4}),
    "grid, late and out of order": settings(
        scoring={"delay": 0}, grid={"alignment": "grid"}, align={"lateness_s": 25, "max_fill": 3}
    ),
    "evicting": settings(scoring={"delay": 4}, align={"evict_after_s": 60}, alerts={"merge_gap_rows": 2}),
    "evicting on a grid": settings(
        scoring={"delay": 4}, grid={"alignment": "grid"}, align={"evict_after_s": 60, "lateness_s": 25}
    ),
}
