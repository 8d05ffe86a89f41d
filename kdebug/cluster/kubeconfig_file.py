"""Reads one kubeconfig file as kubectl's decoder does: the same YAML, the same types, the same refusals.

The rules were measured with kubectl 1.34: a wrong type anywhere makes the whole file unusable, unknown fields are
ignored, of several documents the first counts, and two entries of one name in one file are an error.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kdebug.errors import ConfigError

SIZE_LIMIT = 32 * 1024 * 1024
"""Bytes; far above any real kubeconfig, far below what would fill the memory."""

DEPTH_LIMIT = 100
"""Levels of nesting; PyYAML's fast parser recurses in C and would bring the process down."""


@dataclass(frozen=True)
class Each:
    """A list of one shape."""

    item: Shape


@dataclass(frozen=True)
class Table:
    """A map from any string to one shape."""

    value: Shape


@dataclass(frozen=True)
class Fields:
    """A map with known keys; others are ignored."""

    shapes: Mapping[str, Shape]


Shape: TypeAlias = "type[str] | type[bool] | type[bytes] | type[object] | Each | Table | Fields"

EXTENSIONS = Each(Fields({"name": str, "extension": object}))
CLUSTER = Fields(
    {
        "server": str,
        "tls-server-name": str,
        "insecure-skip-tls-verify": bool,
        "certificate-authority": str,
        "certificate-authority-data": bytes,
        "proxy-url": str,
        "disable-compression": bool,
        "extensions": EXTENSIONS,
    }
)
EXEC = Fields(
    {
        "command": str,
        "args": Each(str),
        "env": Each(Fields({"name": str, "value": str})),
        "apiVersion": str,
        "installHint": str,
        "provideClusterInfo": bool,
        "interactiveMode": str,
    }
)
USER = Fields(
    {
        "client-certificate": str,
        "client-certificate-data": bytes,
        "client-key": str,
        "client-key-data": bytes,
        "token": str,
        "tokenFile": str,
        "as": str,
        "as-uid": str,
        "as-groups": Each(str),
        "as-user-extra": Table(Each(str)),
        "username": str,
        "password": str,
        "auth-provider": Fields({"name": str, "config": Table(str)}),
        "exec": EXEC,
        "extensions": EXTENSIONS,
    }
)
CONTEXT = Fields({"cluster": str, "user": str, "namespace": str, "extensions": EXTENSIONS})
CONFIG = Fields(
    {
        "apiVersion": str,
        "kind": str,
        "current-context": str,
        "clusters": Each(Fields({"name": str, "cluster": CLUSTER})),
        "users": Each(Fields({"name": str, "user": USER})),
        "contexts": Each(Fields({"name": str, "context": CONTEXT})),
        "extensions": EXTENSIONS,
    }
)

# What plain scalars mean to kubectl's parser. It takes "y" and "n" for booleans, "1e3" for a number, and neither a date
# nor "1:30" for anything but a string; PyYAML's own tables differ in each of these.
_SCALARS = (
    ("bool", r"y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (
        "float",
        r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
        r"|\.[0-9]+(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)
_TRUE = frozenset({"y", "yes", "true", "on"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A cluster, user or context: its fields (absent ones left out) and the file it stands in."""

    name: str
    body: Mapping[str, Any] = field(repr=False)
    path: str


@dataclass(frozen=True, kw_only=True)
class KubeconfigFile:
    """One file's content; entries by name."""

    path: str
    current_context: str
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]


def read_file(path: str) -> KubeconfigFile:
    """Read the file; raises FileNotFoundError when there is none, and ConfigError when it cannot be used."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    if len(data) > SIZE_LIMIT:
        raise _unusable(path, f"it has more than {SIZE_LIMIT // 1024 // 1024} MiB")
    return parse(data, path)


def parse(data: bytes, path: str) -> KubeconfigFile:
    """Return the content of a kubeconfig; `path` is for messages and for relative names. Raises ConfigError."""
    document = _document(data, path)
    try:
        content = _taken(document, CONFIG, "") or {}
        for key, known in (("kind", "Config"), ("apiVersion", "v1")):
            if content.get(key, known) not in ("", known):
                raise _ShapeError(f'{key} is "{content[key]}", it must be "{known}"')
        return KubeconfigFile(
            path=path,
            current_context=content.get("current-context", ""),
            clusters=_entries(content, "cluster", path),
            users=_entries(content, "user", path),
            contexts=_entries(content, "context", path),
        )
    except _ShapeError as error:
        raise _unusable(path, str(error)) from error


class _ShapeError(ValueError):
    """A value is not what the field takes; its words never hold the value of a field that may be secret."""


def _unusable(place: str, because: str) -> ConfigError:
    return ConfigError(
        f"the kubeconfig {place} cannot be used",
        because=because,
        remedy="correct the file, or name another with --kubeconfig",
    )


def _document(data: bytes, path: str) -> Any:
    import yaml

    try:
        documents: Any = yaml.load_all(data, _loader())
        with contextlib.closing(documents):
            return next(documents, None)
    except yaml.MarkedYAMLError as error:
        # The error's own text would quote the line, which may be a token.
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise _unusable(place, f"not valid YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        raise _unusable(path, f"not valid YAML: {error.reason} at position {error.position}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unusable(path, "not valid YAML") from error


@functools.cache
def _loader() -> Any:
    import yaml

    def descend(self: Any, parent: Any, index: Any) -> None:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise yaml.YAMLError(f"more than {DEPTH_LIMIT} levels")

    def ascend(self: Any) -> None:
        self.depth -= 1

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    members = {"yaml_implicit_resolvers": {}, "depth": 0, "descend_resolver": descend, "ascend_resolver": ascend}
    loader: Any = type("KubeconfigLoader", (base,), members)
    for tag, pattern, first in _SCALARS:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first))
    loader.add_constructor("tag:yaml.org,2002:bool", lambda _, node: str(node.value).lower() in _TRUE)
    loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: _number(str(node.value)))
    loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _number(str(node.value)))
    return loader


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        return int(plain, 0)
    except ValueError:
        pass
    digits = plain.lstrip("+-")
    if len(digits) > 1 and digits.startswith("0") and set(digits) <= set("01234567"):
        return int(plain, 8)
    return float(plain.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _taken(value: Any, shape: Shape, where: str) -> Any:
    """Return the value in its shape, without nulls and unknown fields; None stays None."""
    if value is None or shape is object:
        return value
    match shape:
        case Each(item):
            found = _is(value, list, "a list", where)
            return [_filled(each, item, f"{where}[{index}]") for index, each in enumerate(found)]
        case Table(item):
            found = _is(value, dict, "a map", where)
            return {_key(key): _filled(each, item, f"{where}.{key}") for key, each in found.items()}
        case Fields(shapes):
            found = _is(value, dict, "a map", where)
            taken = {key: _taken(found.get(key), each, f"{where}.{key}".lstrip(".")) for key, each in shapes.items()}
            return {key: each for key, each in taken.items() if each is not None}
    if shape is bytes:
        return _decoded(_is(value, str, "a string", where), where)
    return _is(value, bool, "true or false", where) if shape is bool else _is(value, str, "a string", where)


def _filled(value: Any, shape: Shape, where: str) -> Any:
    """Return an item of a list or map, where the decoder makes null an empty value."""
    if value is not None:
        return _taken(value, shape, where)
    return shape() if isinstance(shape, type) else [] if isinstance(shape, Each) else {}


def _is(value: Any, kind: type, words: str, where: str) -> Any:
    if isinstance(value, kind):
        return value
    found = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a map"}
    hint = "; put it in quotes" if kind is str and isinstance(value, bool | int | float) else ""
    raise _ShapeError(
        f"{where or 'the document'} is {found.get(type(value), 'something else')}, it must be {words}{hint}"
    )


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _ShapeError(f"{where} is not valid base64") from error


def _entries(content: Mapping[str, Any], kind: str, path: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for item in content.get(f"{kind}s", ()):
        name = item.get("name", "")
        if name in entries:
            raise _ShapeError(f'{kind}s has two entries with the name "{name}"')
        entries[name] = Entry(name=name, body=item.get(kind, {}), path=path)
    return entries
