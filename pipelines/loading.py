"""Settings from everywhere they may stand: command line over environment over YAML over defaults."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import SecretStr, ValidationError

from detector.errors import ConfigError
from pipelines.complaint import sentence
from pipelines.settings import Settings

PREFIX = "RECONWATCH__"
FILE = "__FILE"

Tree = dict[str, Any]


class Origin(NamedTuple):
    """Where settings come from.

    Attributes:
        path: YAML file, None for none.
        environment: variables ``RECONWATCH__SECTION__KEY``.
        options: ``section.key=value``.
    """

    path: Path | None
    environment: Mapping[str, str]
    options: Sequence[str]

    def read(self) -> Settings:
        """Returns the settings as they stand now.

        Raises:
            ConfigError: a file cannot be read, a key is unknown, or a value does not fit.
        """
        return load(*self)

    def content(self) -> bytes:
        """Returns what the file says, byte by byte.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return self.path.read_bytes() if self.path else b""
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {self.path}: {error.strerror}.") from error


def load(path: Path | None, environment: Mapping[str, str], options: Sequence[str] = ()) -> Settings:
    """Reads the configuration.

    Args:
        path: YAML file, None for none.
        environment: variables ``RECONWATCH__SECTION__KEY``; with ``__FILE`` behind, the value is read from that file.
        options: ``section.key=value``.

    Raises:
        ConfigError: a file cannot be read, a key is unknown, or a value does not fit.
    """
    tree = _yaml(path) if path else {}
    origins: dict[tuple[str, ...], str] = {(): str(path or "the configuration")}
    for name, keys, value in [*_variables(environment), *_options(options)]:
        _set(tree, keys, value, name)
        origins[keys] = name
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(sentence(error, tree, origins)) from None
    if path:
        _refuse_secrets(settings, _yaml(path), path)
    return settings


def _yaml(path: Path) -> Tree:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold sections such as detector: and source:, not {type(content).__name__}.")
    return content


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        value, stem = environment[name], name
        if name.endswith(FILE):
            stem = name.removesuffix(FILE)
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{name}: cannot read {value}: {error.strerror}.") from error
        yield name, tuple(stem.removeprefix(PREFIX).lower().split("__")), _value(value, name)


def _options(options: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise ConfigError(f"--set {option}: expected section.key=value.")
        yield f"--set {key}", tuple(key.split(".")), _value(value, f"--set {key}")


def _value(text: str, name: str) -> Any:
    """Lists and sections are written as YAML or JSON; everything else stays text, which the settings convert."""
    if not text.startswith(("[", "{")):
        return None if text == "null" else text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is neither YAML nor JSON: {' '.join(str(error).split())}.") from error


def _set(tree: Tree, keys: tuple[str, ...], value: Any, name: str) -> None:
    """Sets one value; an entry that a list holds already is named by its number, from 0."""
    *sections, last = keys
    inner: Any = tree
    for section in sections:
        if isinstance(inner, list) and section.isdecimal() and int(section) < len(inner):
            inner = inner[int(section)]
        elif isinstance(inner, dict):
            inner = inner.setdefault(section, {})
    if not isinstance(inner, dict):
        raise ConfigError(
            f"{name}: {'.'.join(sections)} is not a section with keys; set it as a whole, as a JSON list."
        )
    if last == "kind" and inner.get("kind") != value:
        inner.clear()  # the keys of another kind mean nothing
    inner[last] = value


def _refuse_secrets(settings: Any, tree: Any, path: Path, keys: tuple[str, ...] = ()) -> None:
    if isinstance(settings, SecretStr):
        name = PREFIX + "__".join(keys).upper()
        raise ConfigError(f"{path}: {'.'.join(keys)} is a secret and must not stand in a file; set {name} instead.")
    if isinstance(tree, dict):
        for key, inner in tree.items():
            _refuse_secrets(getattr(settings, key, None), inner, path, (*keys, key))
    if isinstance(tree, list) and isinstance(settings, (list, tuple)):
        for number, (one, inner) in enumerate(zip(settings, tree, strict=False)):
            _refuse_secrets(one, inner, path, (*keys, str(number)))
