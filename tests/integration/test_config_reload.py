"""A changed configuration takes effect between two commits; no row is lost or comes twice; a broken one is refused."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from prometheus_client.exposition import generate_latest

from detector.bundle import load
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.loading import Origin
from pipelines.serving import Serving
from pipelines.stream.follow import ConfigFollower
from pipelines.stream.handover import Handover
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

CHANGE = 200
ROWS = 400


class Watched(MemorySource):
    """A source that lets something happen before a certain record is read."""

    def __init__(self, records: list[bytes], event: Callable[[], None]) -> None:
        super().__init__(records, chunk_rows=25)
        self._event: Callable[[], None] | None = event

    def poll(self, timeout_s: float) -> RawBatch | None:
        if self._event and self._at >= CHANGE:
            event, self._event = self._event, None
            event()
        return super().poll(timeout_s)


class Run:
    """One run of the loop; before record ``CHANGE`` the file is rewritten and looked at."""

    def __init__(self, folder: Path, bundle: Path, frame: pd.DataFrame, before: str, after: Callable[[Path], None]):
        path = folder / "reconwatch.yaml"
        path.write_text(configuration(bundle, before))
        origin = Origin(path, {}, ())
        settings, loaded, clock, handover = origin.read(), load(bundle), SystemClock(), Handover()
        telemetry, sink = Telemetry("memory", "d", Served(loaded.version)), MemorySink()
        serving = Serving(settings, loaded, handover)
        follower = ConfigFollower(origin.content, lambda: serving.configure(origin.read()), telemetry)

        def happen() -> None:
            after(path)
            follower.look()
            follower.look()

        source = Watched([json.dumps(row).encode() for row in frame.to_dict("records")], happen)
        assembled(settings, loaded, source, [sink], telemetry, Health(clock), clock, handover).run(threading.Event())
        self.times = [int(t) for output in sink.outputs for t in output.decisions.time_ns]
        self.limits = [float(v) for output in sink.outputs for v in output.decisions.anomaly_score]
        self.page = generate_latest(telemetry.registry).decode()

    def successful(self) -> bool:
        return "reconwatch_config_last_reload_successful 1.0" in self.page


def configuration(bundle: Path, scoring: str) -> str:
    return f"""
detector: {{bundle: {bundle}}}
source: {{kind: memory}}
scoring: {scoring}
"""


STRICT = "{delay: 4, calibration: {kind: quantile, alarm_share: 0.2}}"
LOOSE = "{delay: 4, calibration: {kind: quantile, alarm_share: 0.002}}"


@pytest.fixture
def run(tmp_path: Path, bundle: Path, stream: Callable[[int, int], pd.DataFrame]) -> Callable[..., Run]:
    frame = stream(ROWS, 3)

    def go(before: str, after: Callable[[Path], None] = lambda path: None) -> Run:
        return Run(tmp_path, bundle, frame, before, after)

    return go


def test_a_new_limit_holds_from_the_next_commit_on(run: Callable[..., Run], bundle: Path) -> None:
    strict, loose = run(STRICT), run(LOOSE)
    changed = run(STRICT, lambda path: path.write_text(configuration(bundle, LOOSE)))
    assert changed.times == strict.times == loose.times
    assert len(set(changed.times)) == len(changed.times) == ROWS
    assert changed.limits[:180] == strict.limits[:180]
    assert changed.limits[CHANGE + 25 :] == loose.limits[CHANGE + 25 :] != strict.limits[CHANGE + 25 :]
    assert changed.successful()


@pytest.mark.parametrize(
    "text",
    ["scoring: {delay: minus}", "no: such\nsection: there", "{{{ not YAML", "", "decoder: {kind: wide, channels: 3}"],
)
def test_what_is_invalid_changes_nothing_and_says_so(
    run: Callable[..., Run], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    changed = run(STRICT, lambda path: path.write_text(text))
    assert changed.limits == run(STRICT).limits
    assert not changed.successful()
    assert [record.levelname for record in caplog.records if "refused" in record.message] == ["ERROR"]


def test_a_file_that_vanishes_changes_nothing_and_its_return_heals(
    run: Callable[..., Run], bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = run(STRICT, Path.unlink)
    assert gone.limits == run(STRICT).limits
    assert not gone.successful()
    assert sum("refused" in record.message for record in caplog.records) == 1


def test_sections_that_wait_for_a_restart_are_named(
    run: Callable[..., Run], bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = configuration(bundle, STRICT) + "server: {port: 0}\n"
    changed = run(STRICT, lambda path: path.write_text(text))
    assert changed.limits == run(STRICT).limits
    assert changed.successful()
    assert any("waiting for a restart: server" in record.message for record in caplog.records)


def test_a_link_swapped_as_kubernetes_does_is_noticed(run: Callable[..., Run], bundle: Path, tmp_path: Path) -> None:
    def swap(path: Path) -> None:
        data = tmp_path / "..2026"
        data.mkdir()
        (data / "reconwatch.yaml").write_text(configuration(bundle, LOOSE))
        link = tmp_path / "..tmp"
        link.symlink_to(data / "reconwatch.yaml")
        os.replace(link, path)

    swapped = run(STRICT, swap)
    assert swapped.limits[CHANGE + 25 :] == run(LOOSE).limits[CHANGE + 25 :]
