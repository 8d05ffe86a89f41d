"""Read from the server what the guard judges; what may not be read stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from kdebug.domain.guard import ObjectFacts, ServerFacts
from kdebug.domain.kinds import NAMESPACE, NODE, Manifest, name_of, uid_of
from kdebug.errors import DeniedError, NotFoundError, UnauthenticatedError
from kdebug.session.background import begin
from kdebug.session.port import Cluster


def object_facts(manifest: Manifest) -> ObjectFacts:
    """Return the part of an object that the guard looks at."""
    metadata = manifest.get("metadata", {})
    addresses = manifest.get("status", {}).get("addresses") or ()
    return ObjectFacts(
        name=name_of(manifest),
        labels=dict(metadata.get("labels") or {}),
        annotations=dict(metadata.get("annotations") or {}),
        uid=uid_of(manifest),
        provider_id=str(manifest.get("spec", {}).get("providerID", "")),
        addresses=tuple(str(address.get("address", "")) for address in addresses),
    )


def read_facts(
    cluster: Cluster, *, isolated: str, target_namespace: str, target: Manifest | Callable[[], Manifest] | None
) -> tuple[ServerFacts, Manifest | None]:
    """Return the server's facts and the target, all asked for at once.

    `target` may be a manifest already read, or a call that reads it (its errors are the caller's, but one that was
    deleted meanwhile has no facts: pods that fail are replaced).
    """
    reading = begin(target) if callable(target) else None
    found = {name: begin(_namespace, cluster, name) for name in {isolated, target_namespace, "kube-system"} if name}
    nodes = begin(_nodes, cluster)
    manifest = _result_or_none(reading) if reading else target
    isolated_facts, is_missing = found[isolated].result()
    target_facts, is_target_missing = found[target_namespace].result() if target_namespace else (None, False)
    facts = ServerFacts(
        isolated=isolated_facts,
        target_namespace=target_facts,
        is_target_namespace_missing=is_target_missing,
        target=object_facts(manifest) if isinstance(manifest, dict) else None,
        isolated_name=isolated,
        target_namespace_name=target_namespace,
        is_isolated_missing=is_missing,
        nodes=nodes.result(),
        kube_system_uid=getattr(found["kube-system"].result()[0], "uid", ""),
        now=cluster.now(),
    )
    return facts, manifest if isinstance(manifest, dict) else None


def _result_or_none(reading: Future[Manifest]) -> Manifest | None:
    try:
        return reading.result()
    except NotFoundError:
        return None


def _namespace(cluster: Cluster, name: str) -> tuple[ObjectFacts | None, bool]:
    """Return the namespace's facts (None: unreadable or missing) and whether it is missing."""
    try:
        return object_facts(cluster.get(NAMESPACE, name)), False
    except NotFoundError:
        return None, True
    except UnauthenticatedError:
        raise
    except DeniedError:
        return None, False


def _nodes(cluster: Cluster) -> tuple[ObjectFacts, ...] | None:
    try:
        return tuple(object_facts(node) for node in cluster.list(NODE).items)
    except UnauthenticatedError:
        raise
    except DeniedError:
        return None
