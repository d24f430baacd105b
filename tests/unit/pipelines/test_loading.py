from pathlib import Path

import pytest
from pydantic import SecretStr

from detector.errors import ConfigError
from pipelines.loading import load

YAML = """
detector: {bundle: pump.bundle}
source: {kind: file, paths: [a.csv]}
server: {port: 1000}
scoring: {delay: 3}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reconwatch.yaml"
    path.write_text(YAML)
    return path


def test_the_command_line_wins_over_the_environment_over_the_file_over_defaults(file: Path) -> None:
    environment = {
        "RECONWATCH__SERVER__PORT": "2000",
        "RECONWATCH__SCORING__DELAY": "4",
        "PATH": "x",
        "RECONWATCH_CI": "1",
    }
    settings = load(file, environment, ["server.port=3000"])
    assert settings.server.port == 3000
    assert settings.scoring.delay == 4
    assert settings.source.kind == "file"
    assert load(file, {}).scoring.delay == 3
    assert settings.logging.level == "info"


def test_without_a_file_the_environment_is_enough() -> None:
    environment = {"RECONWATCH__DETECTOR__BUNDLE": "b", "RECONWATCH__SOURCE__KIND": "stdin"}
    environment["RECONWATCH__SINKS"] = '[{"kind": "jsonl", "path": "-"}]'
    settings = load(None, environment)
    assert settings.sinks[0].kind == "jsonl"


def test_another_kind_replaces_the_whole_section(file: Path) -> None:
    assert load(file, {}, ["source.kind=stdin"]).source.model_dump()["kind"] == "stdin"
    assert load(file, {}, ["source.kind=file", "source.chunk_rows=5"]).source.model_dump()["paths"] == ("a.csv",)


def test_a_secret_comes_from_the_environment_or_a_file_it_names_and_is_masked(file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    for environment in (
        {"RECONWATCH__SERVER__TOKEN": "s3cret"},
        {"RECONWATCH__SERVER__TOKEN__FILE": str(tmp_path / "token")},
    ):
        settings = load(file, environment)
        assert settings.server.token == SecretStr("s3cret")
        assert "s3cret" not in settings.model_dump_json() + repr(settings)


def test_a_secret_in_the_file_is_refused(file: Path) -> None:
    file.write_text(YAML.replace("port: 1000", "token: s3cret"))
    with pytest.raises(
        ConfigError, match=r"server\.token is a secret.*set RECONWATCH__SERVER__TOKEN instead"
    ) as caught:
        load(file, {})
    assert "s3cret" not in str(caught.value)


def test_entries_of_lists_are_named_by_number_so_that_their_secrets_may_stay_outside(file: Path) -> None:
    file.write_text(YAML + "\nsinks: [{kind: console}, {kind: slack}]\n")
    secret = "https://hooks.example.org/s3cret"
    (console, slack) = load(file, {"RECONWATCH__SINKS__1__URL": secret}, ["sinks.1.channel=#ops"]).sinks
    assert console.kind == "console"
    assert slack.url == SecretStr(secret)
    assert slack.channel == "#ops"
    file.write_text(YAML + f"\nsinks: [{{kind: console}}, {{kind: slack, url: {secret}}}]\n")
    with pytest.raises(
        ConfigError, match=r"sinks\.1\.url is a secret.*set RECONWATCH__SINKS__1__URL instead"
    ) as caught:
        load(file, {})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"sinks\.7 is not a section"):
        load(file, {}, ["sinks.7.url=x"])


def test_a_secret_that_does_not_fit_is_not_repeated(file: Path) -> None:
    file.write_text(YAML + "\nsinks: [{kind: slack}]\n")
    with pytest.raises(ConfigError, match=r"sinks\.0\.url: must begin with http") as caught:
        load(file, {"RECONWATCH__SINKS__0__URL": "s3cret"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "options", "sentence"),
    [
        (
            {"RECONWATCH__SOURCE__PATH": "x"},
            [],
            r"RECONWATCH__SOURCE__PATH: unknown key source.path; did you mean paths\?",
        ),
        (
            {"RECONWATCH__SOURSE__PATHS": "x"},
            [],
            r"RECONWATCH__SOURSE__PATHS: unknown key sourse; did you mean source\?",
        ),
        ({}, ["server.port=abc"], r"--set server.port: input should be a valid integer.*, not 'abc'"),
        ({}, ["server.port=70000"], r"--set server.port: input should be less than or equal to 65535"),
        (
            {},
            ["source.kind=carrier-pigeon"],
            r"--set source.kind: source.kind is 'carrier-pigeon'; legal kinds are 'file'",
        ),
        ({}, ["sinks=[{kind: jsonl}]"], r"--set sinks: sinks.0.path is missing"),
        ({}, ["sinks=[{path: x}]"], r"--set sinks: sinks.0 needs a kind"),
        ({}, ["nonsense"], r"--set nonsense: expected section.key=value"),
        ({}, ["sinks=[{"], r"--set sinks is neither YAML nor JSON"),
        ({}, ["server.port.x=1"], r"--set server.port.x: server.port is not a section"),
        ({}, ["decoder.kind=long", "decoder.chanel=c"], r"unknown key decoder.chanel; did you mean channel\?"),
        ({}, ["decoder.kind=binary"], "binary envelopes are records of Kafka; a file source brings lines of text"),
        ({"RECONWATCH__SERVER__TOKEN__FILE": "/nowhere"}, [], r"RECONWATCH__SERVER__TOKEN__FILE: cannot read /nowhere"),
    ],
)
def test_complaints(file: Path, environment: dict[str, str], options: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(file, environment, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: [", "is not YAML"),
        ("- a", "must hold sections"),
        ("", "must hold sections"),
        ("source: {kind: stdin}", "detector is missing"),
    ],
)
def test_unusable_files(file: Path, content: str, sentence: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        load(file, {})


def test_a_missing_file() -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration /nowhere"):
        load(Path("/nowhere"), {})


def test_the_example_is_valid() -> None:
    settings = load(Path(__file__).parents[3] / "configs/example.yaml", {})
    assert settings.detector.name == "pumps"
