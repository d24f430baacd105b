"""What the daemon writes is what its JSON Schemas say, and what the documentation shows."""

import copy
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, ValidationError

from detector.bundle import load
from pipelines.cli.main import run
from pipelines.clock import SystemClock
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sinks.records import CONTENTS
from pipelines.io.sinks.schemas import MODELS
from pipelines.io.sinks.score_batch import packed, unpacked
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

ROOT = Path(__file__).parents[2]
SAID = ("series", "time_ns", "anomaly_score", "p_value", "top_channel", "warming")
EVERYDAY = ("alerts-1", "scores-1", "dead_letters-1")


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOT / f"configs/outputs/{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def written(config: Path, tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Gives the records of a kind that a run over two faulty pumps wrote."""
    lines = (tmp_path / "pump-1.csv").read_text().splitlines()
    lines[100:100] = ["1,2", '"', "now,1,2,3"]
    (tmp_path / "pump-1.csv").write_text("\n".join(lines))
    assert run(["run", "-c", str(config)]) == 0

    def read(name: str) -> list[dict[str, Any]]:
        content = name.rpartition("-")[0]
        return [json.loads(line) for line in (tmp_path / f"out/{content}.jsonl").read_text().splitlines()]

    return read


def test_what_is_written_keeps_its_schema_and_nothing_else_would(
    written: Callable[[str], list[dict[str, Any]]],
) -> None:
    for name in EVERYDAY:
        records, check = written(name), validator(name)
        assert records
        for record in records:
            check.validate(record)
        for field in records[0]:
            lacking = copy.deepcopy(records[0])
            del lacking[field]
            with pytest.raises(ValidationError):
                check.validate(lacking)
        with pytest.raises(ValidationError):
            check.validate({**records[0], "more": 1})


def test_scores_of_a_poll_in_one_record(bundle: Path, stream: Callable) -> None:
    records = stream(120, 1).to_json(orient="records", lines=True).encode().splitlines()
    source, sink, clock = MemorySource(records, keys=["pump-1"] * 120), MemorySink(), SystemClock()
    settings = Settings.model_validate({"detector": {"bundle": str(bundle)}, "source": {"kind": "memory"}})
    telemetry = Telemetry("memory", "plant", Served("1"))
    assembled(settings, load(bundle), source, [sink], telemetry, Health(clock), clock).run(threading.Event())
    for output in sink.outputs:
        (packet,) = packed(output)
        record = json.loads(packet)
        validator("scores-batch-2").validate(record)
        assert {len(record[name]) for name in record if name not in ("v", "keys", "channels")} == {len(record["rows"])}
        told = json.loads(orjson.dumps([*CONTENTS["scores"](output)]))
        assert [*unpacked(record)] == [{name: row[name] for name in SAID} for row in told]


SHOWN = [*((name, "docs/formats.md") for name in MODELS), *((name, "README.md") for name in EVERYDAY)]


@pytest.mark.parametrize(("name", "page"), SHOWN)
def test_the_documentation_shows_records_that_keep_the_schema(name: str, page: str) -> None:
    examples = re.findall(rf"```json {name}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert examples, f"{page} shows no {name}"
    for example in examples:
        validator(name).validate(json.loads(example))
