"""Setup: what the isolated namespace still lacks, and making it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kdebug.domain.comparison import differences, merge_change
from kdebug.domain.dns import DNS_LABELS, DNS_NAMESPACES, dns_peers_of
from kdebug.domain.isolation import QUOTA, SetupSettings, isolated_namespace
from kdebug.domain.kinds import (
    NAMESPACE,
    NODE,
    POD,
    RESOURCE_QUOTA,
    SERVICE_ACCOUNT,
    Kind,
    Manifest,
    kind_of,
    name_of,
    namespace_of,
    title_of,
)
from kdebug.domain.rights import Access, access_to
from kdebug.domain.statement import DNS_PEERS, ISOLATED_LABEL
from kdebug.errors import ConflictError, DeniedError, NotFoundError
from kdebug.session.events import Emit, ObjectChanged, ObjectCreated, WarningRaised
from kdebug.session.port import Cluster
from kdebug.session.preflight import check_rights

READY_SECONDS = 15.0
"""How long a new namespace may take to get its ServiceAccount and its quota's count: controllers, usually below 1 s."""

_PURPOSES = {
    "ClusterRole": "reads targets, once bound in their namespace",
    "Namespace": "holds clones, and states what this cluster is for",
    "NetworkPolicy": "denies all traffic that a session does not allow",
    "ResourceQuota": "bounds the sessions at a time",
    "LimitRange": "bounds each container",
    "Role": "holds sessions, once bound",
}


@dataclass(frozen=True, kw_only=True)
class SetupChange:
    """One object of setup: what happens to it, and how the existing one differs."""

    verb: str
    """create | change | unchanged"""
    manifest: Manifest
    differences: tuple[str, ...] = ()
    merge: Manifest | None = None
    """The JSON merge patch of a change."""


@dataclass(frozen=True, kw_only=True)
class SetupPlan:
    """Every object of setup, in the order in which it is made."""

    changes: tuple[SetupChange, ...]
    warnings: tuple[str, ...] = ()

    @property
    def writes(self) -> tuple[SetupChange, ...]:
        """What would be written; empty when everything is as it should be."""
        return tuple(change for change in self.changes if change.verb != "unchanged")


def with_dns_peers(cluster: Cluster, settings: SetupSettings) -> SetupSettings:
    """Return the settings with the cluster's DNS servers; unchanged where they are known, not found or not readable."""
    if settings.dns_peers:
        return settings
    try:
        pods = [
            pod
            for namespace in DNS_NAMESPACES
            for key, value in DNS_LABELS
            for pod in cluster.list(POD, namespace, labels=f"{key}={value}").items
        ]
        nodes = () if pods else cluster.list(NODE).items
    except DeniedError:
        return settings
    return replace(settings, dns_peers=dns_peers_of(pods, nodes))


def plan_setup(cluster: Cluster, settings: SetupSettings) -> SetupPlan:
    """Compare what setup wants with what is there; reads only.

    Raises UsageError (settings), MissingRightsError (what may not be read), ConflictError (the namespace is somebody
    else's, or is being deleted).
    """
    manifests = isolated_namespace(with_dns_peers(cluster, settings))
    check_rights(cluster, [_access("get", manifest, "see what is there already") for manifest in manifests])
    _check_namespace(_existing(cluster, NAMESPACE, settings.namespace), cluster, settings.namespace)
    changes = tuple(_change(cluster, manifest) for manifest in manifests)
    return SetupPlan(changes=changes, warnings=_warnings(manifests))


def apply_setup(cluster: Cluster, plan: SetupPlan, emit: Emit) -> None:
    """Write what the plan says, after asking for every right and trying all that can be tried without storing it.

    Raises MissingRightsError before the first write; any ApiError of a write as it comes: setup can be run again.
    """
    if not plan.writes:
        return
    is_new = any(change.verb == "create" and kind_of(change.manifest) is NAMESPACE for change in plan.writes)
    check_rights(cluster, [_write_access(change, is_new) for change in plan.writes])
    for change in plan.writes:
        if not (is_new and namespace_of(change.manifest)):
            _write(cluster, change, dry_run=True)
    for change in plan.writes:
        _write(cluster, change)
        emit(_event(change))
    _await_ready(cluster, plan.writes, emit)


def _existing(cluster: Cluster, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
    try:
        return cluster.get(kind, name, namespace)
    except NotFoundError:
        return None


def _check_namespace(existing: Manifest | None, cluster: Cluster, name: str) -> None:
    """Raise ConflictError when a namespace cannot become, or stay, isolated."""
    if existing is None:
        return
    metadata = existing["metadata"]
    if metadata.get("deletionTimestamp"):
        raise ConflictError(
            f"namespace {name} is being deleted",
            because=f"its deletion was asked for at {metadata['deletionTimestamp']}",
            remedy=f"wait until it is gone: kubectl wait --for=delete namespace/{name}",
        )
    if (metadata.get("labels") or {}).get(ISOLATED_LABEL) == "true":
        return
    if pods := cluster.list(POD, name).items:
        raise ConflictError(
            f"namespace {name} is not kdebug's, and is in use",
            because=f"it holds {len(pods)} pods, and isolation would cut off their network: {name_of(pods[0])}",
            remedy="choose a namespace that does not exist yet",
        )


def _change(cluster: Cluster, manifest: Manifest) -> SetupChange:
    existing = _existing(cluster, kind_of(manifest), name_of(manifest), namespace_of(manifest))
    if existing is None:
        return SetupChange(verb="create", manifest=manifest)
    found = differences(manifest, existing)
    if not found:
        return SetupChange(verb="unchanged", manifest=manifest)
    return SetupChange(verb="change", manifest=manifest, differences=found, merge=merge_change(manifest, existing))


def _warnings(manifests: tuple[Manifest, ...]) -> tuple[str, ...]:
    namespace = next(manifest for manifest in manifests if kind_of(manifest) is NAMESPACE)
    if DNS_PEERS in namespace["metadata"]["annotations"]:
        return ()
    return ("no DNS server of this cluster was found: sessions resolve no names unless they run with --network open",)


def _access(verb: str, manifest: Manifest, reason: str, *, name: bool = True) -> Access:
    return access_to(
        kind_of(manifest),
        verb,
        namespace=namespace_of(manifest),
        name=name_of(manifest) if name else "",
        reason=reason,
    )


def _write_access(change: SetupChange, is_new: bool) -> Access:
    if change.verb == "change":
        return _access("patch", change.manifest, "change what differs")
    access = _access("create", change.manifest, "make what is missing", name=False)
    # Only a right in the whole cluster reaches into a namespace that does not exist yet.
    return replace(access, namespace="") if is_new else access


def _write(cluster: Cluster, change: SetupChange, *, dry_run: bool = False) -> None:
    if change.merge is None:
        cluster.create(change.manifest, dry_run=dry_run)
        return
    kind, name, namespace = kind_of(change.manifest), name_of(change.manifest), namespace_of(change.manifest)
    cluster.merge(kind, name, namespace, change.merge, dry_run=dry_run)


def _event(change: SetupChange) -> ObjectCreated | ObjectChanged:
    title, namespace = title_of(change.manifest), namespace_of(change.manifest)
    if change.verb == "create":
        return ObjectCreated(title=title, namespace=namespace, purpose=_PURPOSES[kind_of(change.manifest).name])
    return ObjectChanged(title=title, namespace=namespace, differences=change.differences)


def _await_ready(cluster: Cluster, writes: tuple[SetupChange, ...], emit: Emit) -> None:
    """Wait until the first session's pod would not be refused for want of an account or of the quota's count."""
    created = {kind_of(change.manifest): change.manifest for change in writes if change.verb == "create"}
    if NAMESPACE in created:
        namespace = name_of(created[NAMESPACE])
        _await(cluster, SERVICE_ACCOUNT, "default", namespace, lambda _: True, emit)
    if RESOURCE_QUOTA in created:
        namespace = namespace_of(created[RESOURCE_QUOTA])
        _await(cluster, RESOURCE_QUOTA, QUOTA, namespace, _has_count, emit)


def _has_count(quota: Manifest) -> bool:
    return bool(quota.get("status", {}).get("used"))


def _await(
    cluster: Cluster, kind: Kind, name: str, namespace: str, is_ready: Callable[[Manifest], bool], emit: Emit
) -> None:
    field = f"metadata.name={name}"
    because = "it did not come in time"
    try:
        listing = cluster.list(kind, namespace, fields=field)
        if any(is_ready(item) for item in listing.items):
            return
        changes = cluster.watch(
            kind, namespace, fields=field, resource_version=listing.resource_version, seconds=READY_SECONDS
        )
        if any(change.type != "DELETED" and is_ready(change.object) for change in changes):
            return
    except DeniedError as error:
        because = error.because or error.what
    emit(WarningRaised(text=f"{kind.name} {name} was not seen ready, the first session may be refused: {because}"))
