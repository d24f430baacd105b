"""One sentence for people about what is wrong with a configuration."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from pipelines.settings import Settings

Keys = tuple[str, ...]

_PASSWORD = re.compile(r"//[^/@\s]*@")
"""User and password in an address."""


def sentence(error: ValidationError, tree: Any, origins: Mapping[Keys, str]) -> str:
    """Says what is wrong first, where it was set, and what is legal there.

    Args:
        error: of validating ``tree``.
        tree: the configuration as it was put together.
        origins: which variable or option set a key; the empty key names the file.
    """
    found = error.errors()[0]
    keys = _plain(found["loc"], tree)
    what = ".".join(keys) or "the configuration"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    tagged = found["type"].startswith("union_tag")
    where = _origin((*keys, "kind") if tagged else keys, origins)
    if found["type"] == "extra_forbidden":
        return f"{where}: unknown key {what}; {_legal(_model(found['loc'][:-1]), keys[-1])}.{more}"
    if found["type"] == "missing":
        return f"{where}: {what} is missing.{more}"
    if found["type"] == "union_tag_invalid":
        context = found["ctx"]
        return f"{where}: {what}.kind is {context['tag']!r}; legal kinds are {context['expected_tags']}.{more}"
    if found["type"] == "union_tag_not_found":
        return f"{where}: {what} needs a kind.{more}"
    shown = isinstance(found["input"], (str, int, float, bool)) and not _secret(found["loc"])
    given = f", not {_PASSWORD.sub('//***@', repr(found['input']))}" if shown else ""
    message = found["msg"].removeprefix("Value error, ")
    at = where if where.endswith(what) else f"{where}: {what}"
    return f"{at}: {message[0].lower()}{message[1:]}{given}.{more}"


def _plain(loc: tuple[int | str, ...], tree: Any) -> Keys:
    """Drops the kinds that stand in a location between the keys of the tree."""
    keys = []
    for at, part in enumerate(loc):
        if isinstance(tree, dict) and part not in tree and part == tree.get("kind") and at < len(loc) - 1:
            continue
        keys.append(str(part))
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, (list, tuple)) and isinstance(part, int):
            tree = tree[part]
    return tuple(keys)


def _origin(keys: Keys, origins: Mapping[Keys, str]) -> str:
    inside = [name for origin, name in origins.items() if origin and origin == keys[: len(origin)]]
    around = [name for origin, name in origins.items() if origin and origin[: len(keys)] == keys]
    return (inside or around or [origins[()]])[-1]


def _legal(model: type[BaseModel] | None, key: str) -> str:
    names = list(model.model_fields) if model else []
    close = get_close_matches(key, names, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}Legal keys are {', '.join(names)}" if meant else f"legal keys are {', '.join(names)}"


def _model(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Finds the model that a location lies in."""
    models: list[type[BaseModel]] = [Settings]
    for part in loc:
        fields = [m.model_fields[str(part)].annotation for m in models if str(part) in m.model_fields]
        kinds = [m for m in models if "kind" in m.model_fields and m.model_fields["kind"].default == part]
        models = [m for f in fields for m in _models(f)] if fields else kinds or models
    return models[0] if models else None


def _secret(loc: tuple[int | str, ...]) -> bool:
    model = _model(loc[:-1])
    field = model.model_fields.get(str(loc[-1])) if model and loc else None
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _models(argument)]
