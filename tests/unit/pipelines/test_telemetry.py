import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from detector.types import DecisionBatch
from pipelines.io.base import DeadLetter, Output
from pipelines.metrics.collectors import Ratios
from pipelines.telemetry import TABLE, Served, Telemetry


def output(scores: list[float]) -> Output:
    score = np.array(scores)
    count = len(scores)
    decisions = DecisionBatch(
        np.zeros(count, np.int32),
        np.arange(count),
        score,
        score >= 1,
        np.ones(count),
        np.ones((count, 1), np.float32),
        np.zeros(count, np.bool_),
    )
    return Output(["pump"], ("flow",), decisions)


def test_what_happened_is_on_the_page() -> None:
    telemetry = Telemetry("file", "pumps", Served("0123abcd", "deep", "conv1d", "run7", 1200.0))
    letters = [
        DeadLetter(0, 1, "not_json", ".", b""),
        DeadLetter(0, 2, "ragged", ".", b""),
        DeadLetter(0, 3, "ragged", ".", b""),
    ]
    telemetry.decoded(10, letters)
    telemetry.replayed(4)
    telemetry.scored([output([0.5, 3.0, np.nan])], seconds=0.02)
    telemetry.state(late=2, series=7)
    telemetry.scored([output([])], seconds=0.02)
    telemetry.state(late=5, series=6)
    telemetry.committed(1234.5, 0.05)
    found = telemetry.registry.get_sample_value
    assert found("reconwatch_records_total", {"topic": "file", "outcome": "decoded"}) == 10
    assert found("reconwatch_records_total", {"topic": "file", "outcome": "dead_letter"}) == 3
    assert found("reconwatch_dead_letters_total", {"reason": "ragged"}) == 2
    assert found("reconwatch_replayed_records_total") == 4
    assert found("reconwatch_late_records_total") == 5
    assert found("reconwatch_series_active") == 6
    assert found("reconwatch_windows_scored_total", {"detector": "pumps"}) == 3
    assert found("reconwatch_score_ratio_count", {"detector": "pumps"}) == 2
    assert found("reconwatch_score_ratio_bucket", {"detector": "pumps", "le": "1.0"}) == 1
    assert found("reconwatch_score_ratio_sum", {"detector": "pumps"}) == 3.5
    model = {"detector": "pumps", "version": "0123abcd", "variant": "deep", "backbone": "conv1d", "run_id": "run7"}
    assert found("reconwatch_model_info", model) == 1
    assert found("reconwatch_model_trained_until_timestamp_seconds", {"detector": "pumps"}) == 1200
    assert found("reconwatch_last_commit_timestamp_seconds") == 1234.5


def test_two_daemons_do_not_share_metrics() -> None:
    one, other = Telemetry("file", "a", Served("1")), Telemetry("file", "b", Served("2"))
    one.replayed(1)
    assert other.registry.get_sample_value("reconwatch_replayed_records_total") == 0


@pytest.mark.parametrize("value", [0.0, 0.1, 0.15, 1.0, 16.0, 17.0, np.inf])
def test_a_value_on_an_edge_belongs_to_its_bucket(value: float) -> None:
    registry = CollectorRegistry()
    ratios = Ratios("r", "R.", ("detector",), (0.1, 1.0, 16.0), registry)
    ratios.observe("d", np.array([value]))
    counts = [registry.get_sample_value("r_bucket", {"detector": "d", "le": e}) for e in ("0.1", "1.0", "16.0", "+Inf")]
    assert counts == [float(value <= edge) for edge in (0.1, 1.0, 16.0, np.inf)]


def test_the_page_has_help_and_the_prefix_throughout() -> None:
    page = generate_latest(Telemetry("file", "a", Served("1")).registry).decode()
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# HELP")}
    assert all(name.startswith("reconwatch_") for name in names)
    assert len(names - {n for n in names if n.endswith("_created")}) == len(TABLE)
