"""The state beside the log, of any size, is the one that belongs to the committed offsets."""

from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench
from kafka import TopicPartition

from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.state import PART_CHARACTERS, StateTopic
from pipelines.io.kafka.writer import Writer

pytestmark = pytest.mark.timeout(120)


def alerts(count: int) -> dict[str, Any]:
    return {
        "alerts": {
            f"Pümpe-{at}": {"id": f"{at:016x}", "peak": at / 7, "channels": ['"flow"'] * 9} for at in range(count)
        }
    }


def test_thousands_of_open_alerts_come_back_and_a_few_after_them(kafka: str, bench_at: Callable[..., Bench]) -> None:
    bench = bench_at(kafka)
    config = KafkaConfig.model_validate(bench.tree["source"] | {"group": "plant #1"})
    at, writer = TopicPartition(bench.topic("readings"), 1), Writer(config.connection, bench.name, 8.0, {})
    writing, large = StateTopic(config), alerts(12_000)
    assert len(str(large)) > 5 * PART_CHARACTERS
    for version, state in ((10, alerts(3)), (20, large), (30, alerts(2)), (40, {})):
        assert writing.write(writer, at, state, version) == version
        writer.commit({}, None)
    assert writing.write(writer, at, {}, 50) == 40, "what has not changed is not written"
    reading = StateTopic(config)
    for version, state in ((20, large), (30, alerts(2)), (40, {}), (0, {})):
        assert reading.read(at, version, 20.0) == state
    for one in (writer, writing, reading):
        one.close()
