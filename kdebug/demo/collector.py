"""Garbage collection by owner references, the end of namespaces, and what a new namespace gets."""

from __future__ import annotations

from collections.abc import Sequence

from kdebug.demo.clock import Clock
from kdebug.demo.deletion import FOREGROUND, ORPHAN, delete
from kdebug.demo.quota import refresh
from kdebug.demo.resources import BY_NAME, JSON
from kdebug.demo.store import Change, Store, copied
from kdebug.domain.kinds import NAMESPACE, RESOURCE_QUOTA, Manifest, name_of, namespace_of, uid_of

_FINALIZERS = {FOREGROUND, ORPHAN}


class Collector:
    """Looks at everything once, some time after a change that may concern it."""

    def __init__(self, store: Store, clock: Clock, delay: float) -> None:
        self._store = store
        self._clock = clock
        self._delay = delay
        self._is_due = False
        store.subscribe(self._see)

    def _see(self, change: Change) -> None:
        metadata = change.object["metadata"]
        if change.type == "ADDED" and change.kind == NAMESPACE:
            self._clock.call_after(0.0, lambda: self._furnish(name_of(change.object)))
        if change.type == "DELETED" or metadata.get("ownerReferences") or "deletionTimestamp" in metadata:
            self._plan()
        self._clock.call_after(0.0, lambda: self._count(namespace_of(change.object)))

    def _plan(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._clock.call_after(self._delay, self._collect)

    def _collect(self) -> None:
        self._is_due = False
        everything = tuple(self._store.everything())
        for manifest in everything:
            if manifest["metadata"].get("ownerReferences"):
                self._judge(manifest)
        for manifest in everything:
            if _FINALIZERS & set(manifest["metadata"].get("finalizers", ())):
                self._finish(manifest)
        for namespace in self._store.list(NAMESPACE):
            if "deletionTimestamp" in namespace["metadata"]:
                self._empty(namespace)

    def _judge(self, manifest: Manifest) -> None:
        current = self._current(manifest)
        if current is None or "deletionTimestamp" in current["metadata"]:
            return
        owners: Sequence[JSON] = current["metadata"].get("ownerReferences") or ()
        solid = [owner for owner in owners if self._owner_state(current, owner) in ("there", "unknown")]
        if owners and not solid:
            delete(self._store, self._clock, current, {"propagationPolicy": "Background"})
        elif len(solid) < len(owners):
            self._set_owners(current, solid)

    def _owner_state(self, manifest: Manifest, owner: JSON) -> str:
        """Return whether an owner is there, waiting for its dependents, absent, or of an unknown kind."""
        kind = BY_NAME.get((owner["apiVersion"], owner["kind"]))
        if kind is None:
            return "unknown"
        found = self._store.get(kind, namespace_of(manifest), owner["name"])
        if found is None or uid_of(found) != owner["uid"]:
            return "absent"
        return "waiting" if FOREGROUND in found["metadata"].get("finalizers", ()) else "there"

    def _finish(self, manifest: Manifest) -> None:
        owner = self._current(manifest)
        if owner is None:
            return
        finalizers = owner["metadata"].get("finalizers", ())
        dependents = [item for item in self._store.everything() if _is_owned_by(item, owner)]
        if ORPHAN in finalizers:
            for dependent in dependents:
                kept = [o for o in dependent["metadata"]["ownerReferences"] if o["uid"] != uid_of(owner)]
                self._set_owners(dependent, kept)
            self._drop_finalizer(owner, ORPHAN)
        elif FOREGROUND in finalizers and not any(_is_blocked_by(item, owner) for item in dependents):
            self._drop_finalizer(owner, FOREGROUND)

    def _set_owners(self, manifest: Manifest, owners: Sequence[JSON]) -> None:
        new = copied(manifest)
        if owners:
            new["metadata"]["ownerReferences"] = list(owners)
        else:
            del new["metadata"]["ownerReferences"]
        self._store.replace(manifest, new)

    def _drop_finalizer(self, manifest: Manifest, finalizer: str) -> None:
        new = copied(manifest)
        new["metadata"]["finalizers"].remove(finalizer)
        if not new["metadata"]["finalizers"]:
            del new["metadata"]["finalizers"]
        self._store.replace(manifest, new)

    def _current(self, manifest: Manifest) -> Manifest | None:
        kind = BY_NAME[manifest["apiVersion"], manifest["kind"]]
        found = self._store.get(kind, namespace_of(manifest), name_of(manifest))
        return found if found is not None and uid_of(found) == uid_of(manifest) else None

    def _empty(self, namespace: Manifest) -> None:
        content = [item for item in self._store.everything() if namespace_of(item) == name_of(namespace)]
        for item in content:
            if "deletionTimestamp" not in item["metadata"]:
                delete(self._store, self._clock, item, {"propagationPolicy": "Background"})
        if not content:
            self._store.remove(namespace)
        else:
            self._plan()

    def _furnish(self, namespace: str) -> None:
        home = self._store.get(NAMESPACE, "", namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        for kind, name, rest in (
            ("ServiceAccount", "default", {}),
            ("ConfigMap", "kube-root-ca.crt", {"data": {"ca.crt": ""}}),
        ):
            if self._store.get(BY_NAME["v1", kind], namespace, name) is None:
                metadata = {"name": name, "namespace": namespace}
                self._store.add({"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest})

    def _count(self, namespace: str) -> None:
        for quota in self._store.list(RESOURCE_QUOTA, namespace) if namespace else ():
            if "deletionTimestamp" not in quota["metadata"]:
                refresh(self._store, quota)


def _is_owned_by(manifest: Manifest, owner: Manifest) -> bool:
    return any(reference["uid"] == uid_of(owner) for reference in manifest["metadata"].get("ownerReferences") or ())


def _is_blocked_by(manifest: Manifest, owner: Manifest) -> bool:
    references = manifest["metadata"].get("ownerReferences") or ()
    return any(item["uid"] == uid_of(owner) and item.get("blockOwnerDeletion") for item in references)
