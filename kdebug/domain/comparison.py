"""Wanted and existing forms of an object: what differs in the fields that kdebug sets, and the merge that ends it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kdebug.domain.kinds import Manifest


def differences(wanted: Manifest, existing: Manifest) -> tuple[str, ...]:
    """Return one line `path: old -> new` for each field of `wanted` that `existing` has otherwise.

    Fields that `wanted` does not have are somebody else's. A missing list or mapping equals an empty one, as the API
    server leaves empty ones out; a wanted empty one means empty, not anything. Lists are compared whole.
    """
    return tuple(_differences(wanted, existing, ""))


def merge_change(wanted: Manifest, existing: Manifest) -> Manifest:
    """Return the JSON merge patch (RFC 7396) after which no difference is left; empty when there is none."""
    change: dict[str, Any] = {}
    for key, value in wanted.items():
        present = existing.get(key)
        if _is_same(value, present):
            continue
        if isinstance(value, Mapping) and isinstance(present, Mapping | None):
            inner = merge_change(value, present or {}) if value else dict.fromkeys(present or ())
            change |= {key: inner} if inner else {}
        else:
            change[key] = value
    return change


def _differences(wanted: Manifest, existing: Manifest, path: str) -> Iterator[str]:
    for key, value in wanted.items():
        present = existing.get(key)
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value and isinstance(present, Mapping | None):
            yield from _differences(value, present or {}, where)
        elif not _is_same(value, present):
            yield f"{where}: {_words(present)} -> {_words(value)}"


def _is_same(wanted: Any, present: Any) -> bool:
    is_empty = isinstance(wanted, list | Mapping) and not wanted
    return not present if is_empty else bool(wanted == present)


def _words(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
