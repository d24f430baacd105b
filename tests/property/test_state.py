"""State that is written down and taken up elsewhere is the state, bit for bit, wherever the stream is cut."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import orjson
import pytest
from pumps import RECORDS, VARIATIONS, fitted, records

from detector.bundle import Bundle
from detector.errors import DataError
from detector.members.projection import ProjectionMember
from detector.state import State
from pipelines.io.base import NO_TIME, Checkpoint, Decoder, Output, RawBatch
from pipelines.serving import model
from pipelines.settings import Settings
from pipelines.stream.engine import Engine

HERE, THERE = 3, 0
"""The same partition has different numbers in different processes."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return fitted(
        ProjectionMember(name="short", window=8), ProjectionMember(name="long", window=19, stride=4, weight=0.5)
    )


def batches(log: list[bytes], first: int, last: int, chunk: int, partition: int) -> Iterator[RawBatch]:
    for begin, end in itertools.pairwise([*range(first, last, chunk), last]):
        size = end - begin
        offset, no_time = np.arange(begin, end), np.full(size, NO_TIME)
        yield RawBatch(log[begin:end], [None] * size, np.full(size, partition, np.int32), offset, no_time)


def lived(pair: tuple[Decoder, Engine], parts: Iterator[RawBatch]) -> list[str]:
    """What came of the records, to the last bit."""
    decoder, engine = pair
    outputs = (output for part in parts for output in engine.judge(engine.align(part, decoder.decode(part))))
    return [said for output in outputs for said in told(output)]


def told(output: Output) -> Iterator[str]:
    d = output.decisions
    columns = (d.time_ns, d.anomaly_score, d.p_value, d.warming, d.contribution)
    for i, key in enumerate(output.names):
        yield f"{key} {[np.asarray(column[i]).tobytes() for column in columns]}"
    yield from map(str, output.alerts)
    yield from (f"{letter.offset} {letter.reason}" for letter in output.dead_letters)


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(
        array.dtype == other[name].dtype and array.tobytes() == other[name].tobytes() for name, array in one.items()
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("settings_", VARIATIONS.values(), ids=VARIATIONS)
def test_state_taken_up_is_the_state(bundle: Bundle, settings_: Settings, seed: int) -> None:
    random = np.random.default_rng(seed)
    cuts, chunk = sorted(random.integers(1, RECORDS, 2).tolist()), int(random.integers(5, 200))
    log, (kept, committed), shard = records(seed), cuts, model(settings_, bundle).shard
    before = shard(Checkpoint())
    lived(before, batches(log, 0, kept, chunk, HERE))
    assert before[1].upto(HERE) == kept
    state = before[1].state(HERE)
    lived(before, batches(log, kept, committed, chunk, HERE))
    at = before[1].checkpoint()

    position = at.positions[HERE]
    after = shard(Checkpoint({THERE: position}, orjson.loads(orjson.dumps(at.state))))
    after[1].restore(THERE, kept, state)
    assert same(after[1].state(THERE), state)
    assert lived(after, batches(log, kept, committed, chunk, THERE)) == []
    assert after[1].checkpoint().positions[THERE] == position
    rest = lived(after, batches(log, committed, RECORDS, chunk, THERE))
    assert rest == lived(before, batches(log, committed, RECORDS, chunk, HERE))
    assert same(after[1].state(THERE), before[1].state(HERE))
    assert after[1].checkpoint().positions[THERE] == before[1].checkpoint().positions[HERE]


def extreme(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The array with one element that is as large, as small or as odd as its type allows."""
    if not array.size:
        return array
    changed, at = array.copy().reshape(-1), random.integers(array.size)
    if array.dtype.kind == "f":
        changed[at] = random.choice([np.nan, np.inf, -np.inf, 1e300])
    elif array.dtype.kind == "b":
        changed[at] ^= True
    else:
        info = np.iinfo(array.dtype)
        changed[at] = random.choice([info.min, info.min + 1, -1 % info.max, 0, 1, 7, info.max - 1, info.max])
    return changed.reshape(array.shape)


DAMAGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "an extreme": extreme,
    "any bytes": lambda array, random: np.frombuffer(random.bytes(array.nbytes), array.dtype).reshape(array.shape),
    "one too few": lambda array, random: array[:-1],
    "no dimension": lambda array, random: np.zeros((), array.dtype),
    "another type": lambda array, random: array.astype(np.float16),
    "backwards": lambda array, random: array[::-1],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that no sensor gives
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["rows", "evicting on a grid"])
def test_damaged_state_is_refused_or_harmless(bundle: Bundle, name: str, damage: str) -> None:
    log, shard, random = records(), model(VARIATIONS[name], bundle).shard, np.random.default_rng(0)
    before = shard(Checkpoint())
    lived(before, batches(log, 0, 200, 50, THERE))
    state, at, refused = before[1].state(THERE), before[1].checkpoint(), 0
    for array in state:
        for _ in range(6 if damage == "an extreme" else 1):
            after = shard(at)
            try:
                after[1].restore(THERE, 200, {**state, array: DAMAGES[damage](state[array], random)})
            except DataError:
                refused += 1
                continue
            assert lived(after, batches(log, 200, RECORDS, 60, THERE))
    assert refused


def test_a_state_of_few_series_with_large_ids_is_refused(bundle: Bundle) -> None:
    engine = model(VARIATIONS["rows"], bundle).shard(Checkpoint())[1]
    state = engine.state(THERE)
    sparse = {"series/ids": np.array([100_000_000], np.int32), "series/lengths": np.ones(1, np.int32)}
    with pytest.raises(DataError, match="ids"):
        engine.restore(THERE, 0, {**state, **sparse, "series/keys": np.zeros(1, np.uint8)})
