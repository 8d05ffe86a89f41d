"""The memory cluster with a collector and faults: the server side of a session's end, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kdebug.domain import ownership
from kdebug.domain.kinds import Kind, Manifest
from kdebug.errors import ConflictError, InvalidError, KdebugError
from kdebug.session.port import Listing
from tests.support.memory_cluster import NOW, MemoryCluster

SESSION = "a" * 16
NAMESPACE = "kdebug-isolated"


@dataclass
class Fault:
    """What happens to the Nth request that matches: the error, raised before or after the request took effect."""

    request: str
    error: KdebugError
    is_applied: bool = False
    count: int = 1
    then: Callable[[], None] = lambda: None


@dataclass
class CollectingCluster(MemoryCluster):
    """Deletes what an object owned when it goes; its clock is the one that waiting moves."""

    faults: list[Fault] = field(default_factory=list)
    reloads: int = 0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=int(self.clock.seconds))

    def reload_credentials(self) -> None:
        self.reloads += 1

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        def make() -> Manifest:
            made = super(CollectingCluster, self).create(manifest, dry_run=dry_run)
            if manifest["kind"] == "Job" and not dry_run:
                key = ("Job", manifest["metadata"]["namespace"], manifest["metadata"]["name"])
                self.objects[key]["status"] = {"startTime": ownership.format_time(self.now())}
                return self.objects[key]
            return made

        return self._with_faults(f"create {manifest['kind']}{' dry-run' if dry_run else ''}", make)

    def patch(self, kind: Kind, name: str, namespace: str, operations: Sequence[dict[str, Any]]) -> Manifest:
        def change() -> Manifest:
            try:
                return super(CollectingCluster, self).patch(kind, name, namespace, operations)
            except ConflictError as error:
                raise InvalidError(error.what, status=422) from error

        return self._with_faults(f"patch {kind.name}", change)

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        return self._with_faults(f"get {kind.name}", lambda: super(CollectingCluster, self).get(kind, name, namespace))

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> Listing:
        self._with_faults(f"list {kind.name}", dict)
        return super().list(kind, namespace, labels=labels, fields=fields)

    def delete(self, kind: Kind, name: str, namespace: str, *, uid: str, grace_seconds: int | None = None) -> None:
        def remove() -> Manifest:
            stored = self._stored(kind, name, namespace)
            wanted = uid or stored["metadata"]["uid"]
            super(CollectingCluster, self).delete(kind, name, namespace, uid=wanted, grace_seconds=grace_seconds)
            self.collect()
            return {}

        self._with_faults(f"delete {kind.name}", remove)

    def collect(self) -> None:
        """Remove every object whose owner is gone."""
        uids = {stored["metadata"]["uid"] for stored in self.objects.values()}
        for key, stored in list(self.objects.items()):
            owners = stored["metadata"].get("ownerReferences") or ()
            if owners and not any(owner["uid"] in uids for owner in owners):
                del self.objects[key]

    def _with_faults(self, request: str, act: Callable[[], Manifest]) -> Manifest:
        for fault in self.faults:
            if fault.request == request and fault.count:
                fault.count -= 1
                if fault.is_applied:
                    act()
                fault.then()
                raise fault.error
        return act()


def session_object(kind: str, name: str = "", **spec: Any) -> dict[str, Any]:
    """Return an object of the session, owned by its anchor."""
    return {
        "apiVersion": {"NetworkPolicy": "networking.k8s.io/v1"}.get(kind, "v1"),
        "kind": kind,
        "metadata": {
            "name": name or ownership.object_name(SESSION),
            "namespace": NAMESPACE,
            "labels": ownership.session_labels(SESSION),
            "ownerReferences": [ownership.owner_reference(SESSION)],
        },
        **({"spec": spec} if spec else {}),
    }


def anchor(**annotations: str) -> dict[str, Any]:
    """Return the session's anchor."""
    notes = {ownership.HOLDER: "me", ownership.HARD_CAP: "3600", ownership.TARGET: "prism/p", ownership.USER: "oncall"}
    clone = {"spec": {"containers": [{"name": "proxy", "image": "x:1-debug"}]}}
    return ownership.anchor(SESSION, NAMESPACE, annotations=notes | annotations, clone=clone)


def running_session(cluster: CollectingCluster) -> list[Manifest]:
    """Store a whole session and return its objects as the server has them."""
    job = cluster.create(anchor())
    uid = str(job["metadata"]["uid"])
    children = [session_object("NetworkPolicy"), session_object("Secret"), session_object("Pod", containers=[])]
    return [job, *(cluster.create(ownership.with_owner(child, uid)) for child in children)]
