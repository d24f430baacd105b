"""Many samples in a record, from the file to the scores: still every sample once, whatever happens to the process."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from bench import COMMAND, Bench

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

ROWS, SAMPLES = 2400, 16


@pytest.mark.parametrize("kind", [pytest.param("envelope", marks=pytest.mark.chaos), "binary"])
def test_kill_9_amid_envelopes_loses_no_sample_and_doubles_none(
    kind: str, bench: Bench, stream: Callable[[int, int], pd.DataFrame], tmp_path: Path
) -> None:
    files = [tmp_path / f"pump-{number}.csv" for number in range(4)]
    for number, file in enumerate(files):
        stream(ROWS, number).to_csv(file, index=False)
    bench.tree["decoder"] = {"kind": kind, "max_samples": SAMPLES}
    bench.tree["align"] = {"lateness_s": 300}  # five rows: the newest rows of an envelope wait for the next one
    bench.tree["source"]["max_poll_records"] = 20
    config = bench.configuration("replay")
    told = subprocess.run(
        [*COMMAND, "replay", *map(str, files), "--to", "kafka", "-c", str(config), "--samples", str(SAMPLES)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == f"{4 * ROWS // SAMPLES} records written to {bench.topic('readings')}.\n"
    daemon = bench.start(instance="one")
    bench.wait_for_progress()
    bench.strikes(f"kill -9 amid {kind} records of {SAMPLES} samples")
    daemon.kill()
    daemon.wait()
    bench.start(instance="one")
    bench.verify()
    scored = sum(map(len, bench.found().scores.values()))
    assert 4 * (ROWS - 16) < scored <= 4 * ROWS
