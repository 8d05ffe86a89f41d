"""The structural difference of two manifests, with paths as kubectl's users write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Keys = tuple[str, ...]
"""A path in parts: `spec`, `containers`, `[proxy]`, `image`."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_IDENTITIES = ("name", "mountPath", "devicePath", "containerPort", "key")
"""The fields by which items of a list are told apart, the first that all have and that no two share."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place where two manifests differ. None stands for absent, as null does in a manifest."""

    keys: Keys
    old: Any = None
    new: Any = None

    @property
    def path(self) -> str:
        """The place: `spec.containers[proxy].image`."""
        return path_of(self.keys)

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


def path_of(keys: Keys) -> str:
    """Return the written form of a path in parts."""
    text = ""
    for key in keys:
        if key.startswith("["):
            text += key
        elif _PLAIN.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f"[{key}]"
    return text


def differences(old: Any, new: Any, keys: Keys = ()) -> tuple[Difference, ...]:
    """Return every difference, in the order of the old manifest, additions last.

    What was removed is named at its top, what was added down to its fields, so that each addition stands on its own.
    """
    return tuple(_differences(old, new, keys))


def _differences(old: Any, new: Any, keys: Keys) -> Iterator[Difference]:
    if old is new or old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _of_mappings(old, new, keys)
    elif _is_list_of_objects(old) and _is_list_of_objects(new) and (old or new):
        yield from _of_lists(old or [], new or [], keys)
    elif old is None and isinstance(new, Mapping) and new:
        yield from list(_of_mappings({}, new, keys)) or [Difference(keys=keys, new=new)]
    elif not (old in (None, []) and new in (None, [])):
        yield Difference(keys=keys, old=old, new=new)


def _of_mappings(old: Mapping[str, Any], new: Mapping[str, Any], keys: Keys) -> Iterator[Difference]:
    for name in [*old, *(name for name in new if name not in old)]:
        yield from _differences(old.get(name), new.get(name), (*keys, name))


def _is_list_of_objects(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, Mapping) for item in value))


def _of_lists(old: list[Mapping[str, Any]], new: list[Mapping[str, Any]], keys: Keys) -> Iterator[Difference]:
    before, after = _labelled(old, new), _labelled(new, old)
    if before is None or after is None:
        yield from _of_unnamed(old, new, keys)
        return
    for name in [*before, *(name for name in after if name not in before)]:
        if name in before and name in after:
            yield from _differences(before[name], after[name], (*keys, name))
        else:
            yield Difference(keys=(*keys, name), old=before.get(name), new=after.get(name))


def _labelled(items: list[Mapping[str, Any]], others: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]] | None:
    """Return the items by what tells them apart from each other, in a way that does for the other list too, or None."""
    for field in _IDENTITIES:
        if _tells_apart(field, items) and _tells_apart(field, others):
            return {f"[{item[field]}]": item for item in items}
    if any(_type_of(item) is None for item in [*items, *others]):
        return None
    labels: dict[str, Mapping[str, Any]] = {}
    for item in items:
        number = 1 + sum(1 for other in labels.values() if _type_of(other) == _type_of(item))
        labels[f"[{_type_of(item)}]" if number == 1 else f"[{_type_of(item)} {number}]"] = item
    return labels


def _type_of(item: Mapping[str, Any]) -> str | None:
    """Return the one field that says what an item is: `secretRef` of envFrom, `configMap` of projected sources."""
    types = [field for field, value in item.items() if isinstance(value, Mapping)]
    return types[0] if len(types) == 1 else None


def _tells_apart(field: str, items: list[Mapping[str, Any]]) -> bool:
    values = [str(item[field]) for item in items if field in item]
    return len(values) == len(items) and len(set(values)) == len(items)


def _of_unnamed(old: list[Mapping[str, Any]], new: list[Mapping[str, Any]], keys: Keys) -> Iterator[Difference]:
    if not old or not new:
        yield Difference(keys=keys, old=old or None, new=new or None)
        return
    remaining = list(enumerate(new))
    unmatched: list[tuple[int, Mapping[str, Any]]] = []
    for index, item in enumerate(old):
        same = next((pair for pair in remaining if pair[1] == item), None)
        if same is None:
            unmatched.append((index, item))
        else:
            remaining.remove(same)
    if len(unmatched) == len(remaining):
        for (index, item), (_, other) in zip(unmatched, remaining, strict=True):
            yield from _differences(item, other, (*keys, f"[{index}]"))
        return
    for index, item in unmatched:
        yield Difference(keys=(*keys, f"[{index}]"), old=item)
    for index, item in remaining:
        yield Difference(keys=(*keys, f"[{index}]"), new=item)
