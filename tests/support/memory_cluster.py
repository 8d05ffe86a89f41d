"""A cluster in memory for session tests: what is stored, what is refused, and what happens while somebody watches."""

from __future__ import annotations

import copy
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kdebug.domain.kinds import Kind, Manifest, kind_of, name_of, namespace_of, uid_of
from kdebug.domain.rights import Access
from kdebug.errors import ConflictError, DeniedError, KdebugError, NotFoundError
from kdebug.session.port import Change, ExecStream, Listing

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
Key = tuple[str, str, str]


@dataclass
class Clock:
    """Seconds that pass only when somebody waits."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class MemoryCluster:
    """Objects by kind, namespace and name; `requests` holds what was asked: VERB PLURAL NAMESPACE/NAME-or-selector."""

    clock: Clock = field(default_factory=Clock)
    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    denied: set[tuple[str, str]] = field(default_factory=set)
    """(verb, plural) that the server refuses; a namespace in the form (verb, plural@NAMESPACE), "" for all."""
    log_texts: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    """By pod, container and whether it is the previous run's."""
    upcoming: deque[Manifest | KdebugError | Callable[[], None] | None] = field(default_factory=deque)
    """What each next watch sees: an object's new form, an error, something that happens unseen, None for nothing."""
    version: int = 0

    def add(self, *manifests: Manifest) -> None:
        """Store objects as they are; a uid is made from the name where there is none."""
        for manifest in manifests:
            stored = copy.deepcopy(dict(manifest))
            stored["metadata"] = {"uid": f"uid-{kind_of(stored).name}-{name_of(stored)}", **stored["metadata"]}
            self.version += 1
            self.objects[kind_of(stored).name, namespace_of(stored), name_of(stored)] = stored

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        self._asked("get", kind, namespace, name)
        return copy.deepcopy(self._stored(kind, name, namespace))

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> Listing:
        self._asked("list", kind, namespace, ",".join(part for part in (labels, fields) if part))
        items = [
            copy.deepcopy(stored)
            for (name, place, _), stored in self.objects.items()
            if name == kind.name and namespace in ("", place) and _has(stored, labels) and _fits(stored, fields)
        ]
        return Listing(items=tuple(items), resource_version=str(self.version))

    def watch(
        self, kind: Kind, namespace: str, *, fields: str = "", resource_version: str = "", seconds: float
    ) -> Iterator[Change]:
        self._asked("watch", kind, namespace, fields)
        next_one = self.upcoming.popleft() if self.upcoming else None
        self.clock.sleep(seconds)
        if isinstance(next_one, KdebugError):
            raise next_one
        if callable(next_one):
            next_one()
        elif next_one is not None:
            self.add(next_one)
            yield Change(type="MODIFIED", object=copy.deepcopy(next_one))

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        kind, namespace, name = kind_of(manifest), namespace_of(manifest), name_of(manifest)
        self._asked("create", kind, namespace, name)
        if (kind.name, namespace, name) in self.objects:
            raise ConflictError(f"{kind.plural} {name!r} already exists", status=409)
        if dry_run:
            return manifest
        self.add(manifest)
        return copy.deepcopy(self._stored(kind, name, namespace))

    def patch(self, kind: Kind, name: str, namespace: str, operations: Sequence[dict[str, Any]]) -> Manifest:
        """Apply `test`, `add` and `replace` on paths of mappings."""
        self._asked("patch", kind, namespace, name)
        changed = copy.deepcopy(self._stored(kind, name, namespace))
        for operation in operations:
            *parents, last = [part.replace("~1", "/") for part in operation["path"].split("/")[1:]]
            place = changed
            for part in parents:
                place = place[part]
            if operation["op"] == "test" and place.get(last) != operation["value"]:
                raise ConflictError("the test of a patch failed", status=422)
            place[last] = operation["value"]
        self.objects[kind.name, namespace, name] = changed
        return copy.deepcopy(changed)

    def merge(self, kind: Kind, name: str, namespace: str, change: Manifest, *, dry_run: bool = False) -> Manifest:
        self._asked("patch", kind, namespace, name)
        changed = _merged(self._stored(kind, name, namespace), change)
        if not dry_run:
            self.objects[kind.name, namespace, name] = changed
        return copy.deepcopy(changed)

    def delete(self, kind: Kind, name: str, namespace: str, *, uid: str, grace_seconds: int | None = None) -> None:
        self._asked("delete", kind, namespace, name)
        if uid_of(self._stored(kind, name, namespace)) != uid:
            raise ConflictError(f"{kind.plural} {name!r} has another uid", status=409)
        del self.objects[kind.name, namespace, name]

    def logs(self, namespace: str, pod: str, *, container: str, previous: bool = False, tail_lines: int = 200) -> str:
        self.requests.append(f"logs {namespace}/{pod} {container}{' previous' if previous else ''}")
        if ("get", "pods/log") in self.denied:
            raise DeniedError("cannot read the log", because="pods/log is forbidden", status=403)
        return self.log_texts.get((pod, container, previous), "")

    def may(self, accesses: Sequence[Access]) -> tuple[bool, ...]:
        return tuple((access.verb, access.resource_path) not in self.denied for access in accesses)

    def user(self) -> str:
        return "oncall"

    def now(self) -> datetime:
        return NOW

    def reload_credentials(self) -> None:
        """There are none."""

    def exec(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        command: Sequence[str],
        stdin: bool,
        tty: bool,
        size: tuple[int, int],
    ) -> AbstractAsyncContextManager[ExecStream]:
        raise NotImplementedError("nothing runs here")

    def _asked(self, verb: str, kind: Kind, namespace: str, what: str) -> None:
        self.requests.append(f"{verb} {kind.plural} {namespace or '*'}/{what}")
        if self.denied & {(verb, kind.plural), (verb, f"{kind.plural}@{namespace}")}:
            words = f'{kind.plural} is forbidden: User "oncall" cannot {verb} resource "{kind.plural}"'
            raise DeniedError(f"cannot {verb} {kind.plural}", because=words, status=403, reason="Forbidden")

    def _stored(self, kind: Kind, name: str, namespace: str) -> dict[str, Any]:
        try:
            return self.objects[kind.name, namespace, name]
        except KeyError:
            raise NotFoundError(f'{kind.plural} "{name}" not found', status=404, reason="NotFound") from None


def _has(stored: Manifest, selector: str) -> bool:
    """Judge the selector's terms: a=b, a!=b, a in (b,c), a notin (b,c), a, !a."""
    labels = stored["metadata"].get("labels") or {}
    for term in re.findall(r"[^,()]+(?:\([^)]*\))?", selector):
        found = re.fullmatch(r"(!?)\s*([^\s=!]+)\s*(?:(=|==|!=)\s*(.*)|(in|notin)\s*\((.*)\))?", term.strip())
        assert found, f"the selector is not understood: {term}"
        absent, key, equal, value, among, values = found.groups()
        wanted = values.split(",") if among else [value]
        is_in = key in labels if not (equal or among) else labels.get(key) in wanted
        if is_in == (bool(absent) or equal == "!=" or among == "notin"):
            return False
    return True


def _fits(stored: Manifest, fields: str) -> bool:
    for term in filter(None, fields.split(",")):
        path, _, wanted = term.partition("=")
        value: Any = stored
        for part in path.split("."):
            value = value.get(part, {}) if isinstance(value, dict) else {}
        if value != wanted:
            return False
    return True


def _merged(base: Manifest, change: Manifest) -> dict[str, Any]:
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result
