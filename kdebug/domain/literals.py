"""Secrets written into a pod's spec as plain values: which variables and arguments look like one."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from kdebug.domain.kinds import Manifest

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    {
        "password", "passwd", "passwort", "pwd", "pass", "passphrase", "secret", "secrets", "token", "tokens",
        "credential", "credentials", "creds", "apikey", "accesskey", "secretkey", "privatekey", "authkey", "jwt",
        "bearer", "pat", "dsn", "salt", "pepper",
    }
)  # fmt: skip
_SECRET_ENDINGS = ("password", "passwd", "secret", "token", "apikey")
_KEY_ADJECTIVES = frozenset(
    {
        "api", "access", "private", "secret", "signing", "encryption", "auth", "account", "shared", "master",
        "ssh", "license", "app",
    }
)  # fmt: skip
_ABOUT_WORDS = frozenset(
    {
        "file", "path", "dir", "name", "url", "uri", "host", "endpoint", "issuer", "ttl", "expiry", "expiration",
        "seconds", "minutes", "hours", "timeout", "length", "size", "count", "max", "min", "limit", "enabled",
        "disabled", "type", "kind", "version", "policy", "algorithm", "header", "field", "namespace", "provider",
        "manager", "store", "mode", "prefix", "audience",
    }
)  # fmt: skip
"""Last words of names that say something about a secret and do not hold it: TOKEN_URL, PASSWORD_FILE."""

# Repetitions are bounded: a value may be a megabyte long, and every pattern is tried at every place of it.
_SHAPES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s/?#@:]{0,256}:[^\s/?#@]{1,256}@|://[A-Za-z0-9_-]{16,256}@",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----",
        r"\beyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{8}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_[A-Za-z0-9_]{20}|\bglpat-[A-Za-z0-9_-]{16}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{8}|\bhooks\.slack\.com/services/\S",
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10}|\bsk-[A-Za-z0-9_-]{20}",
        r"\bAIza[A-Za-z0-9_-]{30}|\bSG\.[A-Za-z0-9_-]{16,40}\.|\bnpm_[A-Za-z0-9]{30}",
        r"\bhvs\.[A-Za-z0-9_-]{20}|\bdop_v1_[a-f0-9]{60}",
        r"(?i)\b(?:password|passwd|pwd|secret|token|api[_-]?key|accountkey|sharedaccesskey|sig)"
        r"\s{0,4}[=:]\s{0,4}[^\s;,&\"'$]{4}",
        r"(?i)\"(?:private_key|client_secret|auth|password)\"\s{0,4}:\s{0,4}\"[^\"]",
        r"(?i)\b(?:bearer|basic)\s{1,4}[A-Za-z0-9+/=._-]{8}",
    )
)
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_FINGERPRINT_WORDS = frozenset(
    {
        "sha", "commit", "revision", "rev", "digest", "checksum", "hash", "build", "etag",
    }
)  # fmt: skip
_HARMLESS_NAMES = (
    "RUST_LOG", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "LOG_LEVEL", "LOGLEVEL", "LOG_FORMAT", "TZ", "LANG",
    "LANGUAGE", "LC_*", "TERM", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK",
    "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "NODE_ENV",
)  # fmt: skip
_PLAIN_VALUE = re.compile(r"(?i)|[+-]?[0-9]+(?:\.[0-9]+)?|true|false|yes|no|on|off")
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


@dataclass(frozen=True, kw_only=True)
class SessionLiterals:
    """The secret-looking literals of the kept containers, for the clone's settings and the session's Secret."""

    keys: Mapping[str, str]
    """Variable (CONTAINER/VARIABLE for an init container) -> key in the session's Secret."""
    values: Mapping[str, str]
    """Key in the session's Secret -> value."""
    unresolved: tuple[str, ...]
    """CONTAINER/VARIABLE of those that stay in the pod: they refer to values that are not known here."""
    arguments: tuple[str, ...]
    """CONTAINER args[N] of arguments that look secret; they are kept, and the clone does not carry them."""


def session_literals(target: Manifest, container: str, kept: Sequence[str]) -> SessionLiterals:
    """Return what moves to the session's Secret, for the target container and the other kept ones."""
    spec = target["spec"]
    everything = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    found = [item for item in everything if item.get("name") in kept]
    keys: dict[str, str] = {}
    values: dict[str, str] = {}
    for item in found:
        for name, value in secret_literals(item).items():
            key = f"literal-{len(values) + 1}"
            keys[name if item["name"] == container else f"{item['name']}/{name}"] = key
            values[key] = value
    return SessionLiterals(
        keys=keys,
        values=values,
        unresolved=tuple(f"{item['name']}/{name}" for item in found for name in unresolved_literals(item)),
        arguments=tuple(f"{item['name']} {place}" for item in found for place in secret_arguments(item)),
    )


def secret_literals(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables whose literal value looks secret, by name or by shape, and the value that a container sees.

    A value that refers to others is expanded as Kubernetes would; one that refers to what is not known is not in it.
    """
    return {name: value for name, value in _secret_entries(container) if value is not None}


def unresolved_literals(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secret-looking variables that cannot move, because they refer to values that are not known here."""
    return tuple(name for name, value in _secret_entries(container) if value is None)


def _secret_entries(container: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    known: dict[str, str | None] = {}
    found: dict[str, str | None] = {}
    for entry in container.get("env") or ():
        name, value = str(entry.get("name")), entry.get("value")
        expanded = expand(value, known) if isinstance(value, str) else None
        known[name] = expanded
        found.pop(name, None)
        if isinstance(value, str) and (looks_secret(name, value) or looks_secret(name, expanded or "")):
            found[name] = expanded
    return list(found.items())


def expand(value: str, known: Mapping[str, str | None]) -> str | None:
    """Return the value with `$(NAME)` and `$$` expanded as the kubelet does, or None when a reference is not known.

    Rule: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
    """
    names = [name for name in _REFERENCE.findall(value) if name]
    if any(known.get(name) is None for name in names):
        return None
    return _REFERENCE.sub(lambda found: "$" if found[0] == "$$" else known.get(found[1]) or "", value)


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or by the shape of its value. A false alarm costs nothing."""
    if not value or (_PLAIN_VALUE.fullmatch(value) and not _is_secret_name(name)):
        return False
    return _has_secret_shape(value) or (_is_secret_name(name) and not value.startswith("/")) or _is_opaque(name, value)


def is_harmless(name: str, value: str, allowed: Sequence[str] = ()) -> bool:
    """Whether a value may cross from one cluster to another: a number, a boolean, a log level, or a name in `allowed`.

    `allowed` are globs on the variable's name, and the user's word: they count for values that look secret too.
    """
    if any(fnmatchcase(name, pattern) for pattern in allowed):
        return True
    if looks_secret(name, value):
        return False
    return bool(_PLAIN_VALUE.fullmatch(value)) or any(fnmatchcase(name, pattern) for pattern in _HARMLESS_NAMES)


def secret_arguments(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the places of arguments that look secret, `args[2] (--password)`; never their values."""
    places: list[str] = []
    for field in ("command", "args"):
        found = secret_words([str(word) for word in container.get(field) or ()])
        places += [f"{field}[{index}]{f' ({flag})' if flag else ''}" for index, flag in found.items()]
    return tuple(places)


def secret_words(words: Sequence[str]) -> dict[int, str]:
    """Return the index of each word of a command line that looks secret, with the flag that it belongs to, if any."""
    found: dict[int, str] = {}
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        before = words[index - 1] if index else ""
        if equals and flag.startswith("-") and looks_secret(flag, value):
            found[index] = flag
        elif before.startswith("-") and "=" not in before and not word.startswith("-") and looks_secret(before, word):
            found[index] = before
        elif _has_secret_shape(word):
            found[index] = ""
    return found


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(name)]


def _is_secret_name(name: str) -> bool:
    words = _words(name)
    if not words or words[-1] in _ABOUT_WORDS or words[0] in ("max", "min", "num"):
        return False
    pairs = pairwise(words)
    has_key = any(first in _KEY_ADJECTIVES and second in ("key", "keys") for first, second in pairs)
    return has_key or any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words)


def _has_secret_shape(value: str) -> bool:
    return any(shape.search(value) for shape in _SHAPES)


def _is_opaque(name: str, value: str) -> bool:
    """Whether a value is one long string without words in it; names of fingerprints excuse it."""
    if not _OPAQUE.fullmatch(value) or set(_words(name)) & _FINGERPRINT_WORDS:
        return False
    if re.fullmatch(r"[0-9a-fA-F]{32,}", value):
        return _entropy(value) > 3.0
    classes = (r"[a-z]", r"[A-Z]", r"[0-9]")
    return len(value) >= 24 and all(re.search(pattern, value) for pattern in classes) and _entropy(value) > 4.0


def _entropy(value: str) -> float:
    """Return the bits of information in a character of the value."""
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares)
