"""The cluster's objects, their versions and the history from which watches are served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kdebug.demo.clock import Clock, stamp
from kdebug.demo.resources import BY_NAME, JSON, STORED
from kdebug.demo.status import expired
from kdebug.domain.kinds import Kind, Manifest, name_of, namespace_of

HISTORY_LIMIT = 20_000
"""Changes kept for watches; an older version answers 410."""

_WITHOUT_GENERATION = {
    "ConfigMap", "Secret", "Event", "ServiceAccount", "ResourceQuota", "LimitRange", "Namespace", "Node", "Role",
    "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Service", "PersistentVolumeClaim",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write: ADDED, MODIFIED or DELETED, the object after it (for DELETED the last state) and before it."""

    type: str
    version: int
    kind: Kind
    object: Manifest
    previous: Manifest | None


Listener = Callable[[Change], None]


def kind_of(manifest: Manifest) -> Kind:
    """Return the stored kind of a manifest; KeyError when the embedded API does not serve it."""
    return BY_NAME[str(manifest["apiVersion"]), str(manifest["kind"])]


def copied(value: Any) -> Any:
    """Return a copy of decoded JSON, to be changed."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def _is_held(manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    by_namespace = manifest["kind"] == "Namespace" and (manifest.get("spec") or {}).get("finalizers")
    return bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds") or by_namespace)


class Store:
    """All objects. One that was handed out is never changed afterwards: each write puts a new one in its place."""

    def __init__(self, clock: Clock, new_uid: Callable[[], str]) -> None:
        self._clock = clock
        self._new_uid = new_uid
        self._objects: dict[str, dict[tuple[str, str], Manifest]] = {kind.plural: {} for kind in STORED}
        self._history: list[Change] = []
        self._listeners: list[Listener] = []
        self._oldest = 0
        self.version = 1000

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the object, or None."""
        return self._objects[kind.plural].get((namespace if kind.is_namespaced else "", name))

    def list(self, kind: Kind, namespace: str = "") -> list[Manifest]:
        """Return the objects of a kind in the order of namespace and name; of all namespaces when it is empty."""
        found = self._objects[kind.plural].items()
        return [
            item for (place, _), item in sorted(found, key=lambda pair: pair[0]) if not namespace or place == namespace
        ]

    def everything(self) -> Iterator[Manifest]:
        """Yield every object."""
        for objects in self._objects.values():
            yield from tuple(objects.values())

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after each write, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, version: int) -> Sequence[Change]:
        """Return the changes after a version; RejectedError 410 when they are no longer kept."""
        if version < self._oldest:
            raise expired(version, self._oldest)
        return [change for change in self._history if change.version > version]

    def compact(self) -> None:
        """Forget the history, as etcd does every five minutes."""
        self._history.clear()
        self._oldest = self.version

    def prepared(self, manifest: Manifest) -> JSON:
        """Return a new object with what the server fills in: uid, time, generation."""
        made: JSON = copied(manifest)
        metadata: JSON = made.setdefault("metadata", {})
        for field in (
            "uid",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
            "selfLink",
        ):
            metadata.pop(field, None)
        metadata["uid"] = self._new_uid()
        metadata["creationTimestamp"] = stamp(self._clock.now())
        if made["kind"] not in _WITHOUT_GENERATION:
            metadata["generation"] = 1
        return made

    def insert(self, prepared: JSON) -> Manifest:
        """Store an object that `prepared` made and return it with its version."""
        prepared["metadata"]["resourceVersion"] = str(self.version + 1)
        self._put(prepared)
        self._record("ADDED", prepared, None)
        return prepared

    def add(self, manifest: Manifest) -> Manifest:
        """Store a new object without asking any admission; for controllers and scenarios."""
        return self.insert(self.prepared(manifest))

    def replace(self, old: Manifest, new: JSON) -> Manifest:
        """Put a new state in the place of the old one; nothing happens when they are equal.

        An object that is being deleted goes when its last finalizer and its grace period have gone, as in Kubernetes.
        """
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if new == old:
            return old
        metadata: JSON = new["metadata"]
        has_begun_deletion = "deletionTimestamp" in metadata and "deletionTimestamp" not in old["metadata"]
        if new["kind"] not in _WITHOUT_GENERATION and (new.get("spec") != old.get("spec") or has_begun_deletion):
            metadata["generation"] = int(metadata.get("generation", 1)) + 1
        metadata["resourceVersion"] = str(self.version + 1)
        if "deletionTimestamp" in metadata and not _is_held(new):
            return self.remove(new)
        self._put(new)
        self._record("MODIFIED", new, old)
        return new

    def remove(self, manifest: Manifest) -> Manifest:
        """Remove the object and return its last state, which has a version of its own."""
        kind = kind_of(manifest)
        key = (namespace_of(manifest) if kind.is_namespaced else "", name_of(manifest))
        previous = self._objects[kind.plural].pop(key, None)
        gone: JSON = copied(manifest)
        gone["metadata"]["resourceVersion"] = str(self.version + 1)
        if previous is not None:
            self._record("DELETED", gone, previous)
        return gone

    def _put(self, manifest: Manifest) -> None:
        kind = kind_of(manifest)
        self._objects[kind.plural][namespace_of(manifest) if kind.is_namespaced else "", name_of(manifest)] = manifest

    def _record(self, change_type: str, manifest: Manifest, previous: Manifest | None) -> None:
        self.version += 1
        change = Change(
            type=change_type, version=self.version, kind=kind_of(manifest), object=manifest, previous=previous
        )
        self._history.append(change)
        if len(self._history) > HISTORY_LIMIT:
            dropped = self._history[: HISTORY_LIMIT // 2]
            del self._history[: HISTORY_LIMIT // 2]
            self._oldest = dropped[-1].version
        for listener in tuple(self._listeners):
            listener(change)
