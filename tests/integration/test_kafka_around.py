"""What stands around the daemon fails: a slow receiver of alerts, a full disk, a registry that is down."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import Bench, share
from receiver import receiving
from tracking import end, tracking_server

from pipelines.registry.mlflow.config import MlflowConfig

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]


@pytest.mark.chaos
def test_a_receiver_that_takes_half_a_minute_holds_nothing_up(bench: Bench, pumps: Callable) -> None:
    """The webhook sleeps 30 s at every message; the queue is bounded, what does not fit is counted, scores go on."""
    asked: list[float] = []

    def sleepy(message: object) -> tuple[int, dict[str, str]]:
        asked.append(time.monotonic())
        time.sleep(30)
        return 200, {}

    records = pumps(share(600))
    with receiving(sleepy) as receiver:
        bench.tree["sinks"].append({"kind": "webhook", "url": receiver.url, "queue": 4})
        bench.strikes("webhook that sleeps 30 s")
        bench.start()
        bench.produce(records[: len(records) // 2])
        bench.wait_until_done()
        bench.produce(records[len(records) // 2 :])
        bench.verify()
        assert asked, "nobody asked the receiver"
        assert bench.metric("alert_sink_dropped_total") > 0


@pytest.mark.chaos
def test_an_output_topic_takes_nothing_for_a_while(bench: Bench, pumps: Callable) -> None:
    """Nothing is committed whose results Kafka refuses; when it takes them again, all are there."""
    records = pumps(share(300))
    bench.limit("scores", 100)
    bench.produce(records)
    bench.strikes("an output topic refuses all records")
    bench.start()
    while "Reading again." not in bench.told():
        bench.alive()
        time.sleep(0.2)
    assert bench.committed() == 0
    bench.limit("scores", 1 << 20)
    bench.verify()


@pytest.mark.chaos
@pytest.mark.filterwarnings("ignore")  # mlflow's own, of several kinds
def test_the_registry_is_gone_at_a_poll_and_at_the_start(bench: Bench, bundle: Path, pumps: Callable) -> None:
    """The daemon serves on with what it has, and starts with what it had."""
    records, folder = pumps(share(300)), bench.folder / "server"
    third = len(records) // 3
    folder.mkdir()
    with tracking_server(folder) as (uri, server):
        registry = {"kind": "mlflow", "uri": uri, "folder": str(bench.folder / "mlflow")}
        opened = MlflowConfig.model_validate(registry | {"timeout_s": 20}).open("plant")
        opened.register(bundle, {})
        opened.point({"champion": 1})
        bench.tree["detector"] = {"registry": registry, "name": "plant", "reload_s": 0.5}
        bench.produce(records[:third])
        first = bench.start(instance="one")
        bench.wait_until_done()
        bench.strikes("MLflow down at a poll and at the start")
        end(server)
    bench.produce(records[third : 2 * third])
    bench.wait_until_done()
    while "no news of the champion" not in bench.told():
        bench.alive()
        time.sleep(0.5)
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0, bench.told()
    bench.start(instance="one")
    bench.produce(records[2 * third :])
    bench.verify()
