"""Encrypted, with passwords, tokens and certificates, and with no right more than needed; each refusal is explained."""

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, Record
from certificates import Authority
from secured import PASSWORD, USER, Secured, allow, secured, token

from detector.errors import ConfigError, ReconwatchError, SourceLost
from pipelines.cli.main import run

pytestmark = [
    pytest.mark.timeout(300),
    # The client leaves the sockets of refused connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SCRAM = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "username": USER}
SECRET = "RECONWATCH__SOURCE__CONNECTION__"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    opening = secured(tmp_path_factory.mktemp("secured"))
    try:
        found = opening.__enter__()
    except ReconwatchError as error:  # no Java, no jars
        pytest.skip(str(error))
    yield found
    opening.__exit__(None, None, None)


@pytest.fixture
def inside(guarded: Secured, bench_at: Callable[..., Bench]) -> Bench:
    """A bench whose user may do what a daemon needs with its topics, and nothing else."""
    bench = bench_at(guarded.cluster.bootstrap)
    rights = [("READ", "TOPIC", bench.topic("readings")), ("READ", "TOPIC", bench.topic("state"))]
    rights += [("WRITE", "TOPIC", bench.topic(name)) for name in ("scores", "alerts", "dead", "state")]
    rights += [("READ", "GROUP", bench.name), ("WRITE", "TRANSACTIONAL_ID", bench.name)]
    allow(guarded, USER, *rights)
    return bench


def password_of_a_file(folder: Path) -> dict[str, str]:
    path = folder / "password"
    path.write_text(f"{PASSWORD}\n")
    return {f"{SECRET}PASSWORD__FILE": str(path)}


def test_a_daemon_with_a_password_under_tls_needs_four_kinds_of_rights_only(
    guarded: Secured, inside: Bench, pumps: Callable[..., list[Record]], tmp_path: Path
) -> None:
    """The password comes from a file; topics by pattern, range assignor, static membership, settings of the client."""
    inside.tree["source"] |= {
        "connection": guarded.connection("SASL", **SCRAM, client={"client_id": "plant", "request_timeout_ms": 20_000}),
        "topics": [],
        "pattern": f"^{inside.topic('readings')}$",
        "assignor": "range",
        "consumer": {"fetch_max_wait_ms": 100},
        "producer": {"compression_type": "zstd"},
    }
    inside.produce(pumps(60))
    inside.start(instance="one", **password_of_a_file(tmp_path))
    inside.verify()
    assert PASSWORD not in inside.told()


def plain(folder: Path, authority: Authority) -> tuple[str, dict[str, Any], dict[str, str]]:
    options = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "username": USER}
    return "SASL", options, {f"{SECRET}PASSWORD": PASSWORD}


def oauth(folder: Path, authority: Authority) -> tuple[str, dict[str, Any], dict[str, str]]:
    return "SASL", {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, {f"{SECRET}TOKEN": token(USER)}


def mutual(folder: Path, authority: Authority) -> tuple[str, dict[str, Any], dict[str, str]]:
    certificate, key = authority.issue(USER, password="of-the-key")
    options = {"security_protocol": "SSL", "certificate_file": str(certificate), "key_file": str(key)}
    return "MTLS", options, {f"{SECRET}KEY_PASSWORD": "of-the-key"}


@pytest.mark.parametrize(
    "way", [pytest.param(plain, marks=pytest.mark.chaos), pytest.param(oauth, marks=pytest.mark.chaos), mutual]
)
def test_other_ways_in(
    way: Callable[..., tuple[str, dict[str, Any], dict[str, str]]],
    guarded: Secured, inside: Bench, pumps: Callable[..., list[Record]], tmp_path: Path,
) -> None:  # fmt: skip
    door, options, environment = way(tmp_path, guarded.authority)
    inside.tree["source"]["connection"] = guarded.connection(door, **options)
    inside.produce(pumps(20))
    inside.start(**environment)
    inside.verify()


REFUSED = {
    "wrong password": ("SASL", SCRAM, {"PASSWORD": "wrong"}, "wrong user, password or token"),
    "wrong token": (
        "SASL", {**SCRAM, "sasl_mechanism": "OAUTHBEARER"}, {"TOKEN": "a.b.c"}, "wrong user, password or token"
    ),
    "wrong authority": ("TLS", {"security_protocol": "SSL", "ca_file": "other"}, {}, "ca_file is not of the authority"),
    "no certificate": ("MTLS", {"security_protocol": "SSL"}, {}, "see certificate_file and key_file"),
    "no encryption": ("TLS", {}, {}, "does not speak TLS where it should"),
    "encryption where there is none": ("PLAIN", {"security_protocol": "SSL"}, {}, "may not speak TLS there"),
    "nobody": ("NOWHERE", {}, {}, "nothing listens there"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_not_let_in_is_told_why_in_time(
    case: str,
    guarded: Secured,
    bench_at: Callable[..., Bench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    door, options, secrets, sentence = REFUSED[case]
    connection = guarded.connection("TLS", **options)
    if options.get("ca_file"):
        connection["ca_file"] = str(Authority(tmp_path, "other").file)
    ports = {"PLAIN": guarded.cluster.nodes[0].port, "NOWHERE": 1}
    connection["bootstrap_servers"] = [f"127.0.0.1:{ports.get(door) or guarded.cluster.port(door)}"]
    for name, value in secrets.items():
        monkeypatch.setenv(SECRET + name, value)
    bench = bench_at(guarded.cluster.bootstrap)
    bench.tree["source"]["connection"] = connection
    begin_s = time.monotonic()
    assert run(["lag", "-c", str(bench.configuration("refused"))]) == SourceLost.exit_code
    seconds, told = time.monotonic() - begin_s, capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("reconwatch: cannot reach Kafka: ")
    assert sentence in told
    assert seconds < 30, "bootstrap_timeout_s is 2"
    gc.collect()  # while sockets are forgiven


LACKING = {
    "read": (("READ", "TOPIC", "readings"), "does not exist, or"),
    "write": (("WRITE", "TOPIC", "scores"), "Kafka does not allow it"),
    "group": (("READ", "GROUP", ""), "Kafka does not allow it"),
    "transactional id": (("WRITE", "TRANSACTIONAL_ID", ""), "Kafka does not allow it"),
}


@pytest.mark.parametrize("case", LACKING)
def test_a_missing_right_is_named(
    case: str, guarded: Secured, bench_at: Callable[..., Bench], pumps: Callable[..., list[Record]]
) -> None:
    bench, user = bench_at(guarded.cluster.bootstrap), case.replace(" ", "-")
    missing, sentence = LACKING[case]
    rights = [("READ", "TOPIC", "readings"), ("READ", "TOPIC", "state"), ("READ", "GROUP", "")]
    rights += [("WRITE", "TOPIC", name) for name in ("scores", "alerts", "dead", "state")]
    rights += [("WRITE", "TRANSACTIONAL_ID", "")]
    named = {
        (op, kind, bench.topic(name) if name else bench.name)
        for op, kind, name in rights
        if (op, kind, name) != missing
    }
    allow(guarded, user, *sorted(named))
    certificate, key = guarded.authority.issue(user)
    options = {"security_protocol": "SSL", "certificate_file": str(certificate), "key_file": str(key)}
    bench.tree["source"]["connection"] = guarded.connection("MTLS", **options)
    bench.produce(pumps(20))
    daemon = bench.start()
    assert daemon.wait(90) == ConfigError.exit_code, bench.told()
    last = bench.told().splitlines()[-1]
    assert last.startswith("reconwatch: ")
    assert sentence in last
