"""The isolated namespace: what `kdebug setup` makes, and a session's own NetworkPolicy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kdebug.domain.dns import dns_peers_as_text
from kdebug.domain.kinds import (
    CLUSTER_ROLE,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_POLICY,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    Kind,
    Manifest,
)
from kdebug.domain.ownership import PART_OF, SESSION
from kdebug.domain.statement import (
    ALLOW,
    ALLOWABLE,
    COVERS,
    DNS_PEERS,
    ENVIRONMENT,
    ISOLATED_LABEL,
    WHOLE_CLUSTER,
    are_covers_valid,
    is_namespace_name,
)
from kdebug.errors import UsageError

DEFAULT_NAMESPACE = "kdebug-isolated"
NETWORKS = ("dns", "source", "open")

DEFAULT_DENY = "kdebug-default-deny"
QUOTA = "kdebug-quota"
LIMITS = "kdebug-limits"
ENGINEER = "kdebug-engineer"
TARGET_READER = "kdebug-target-reader"

MAX_SESSIONS = 10
"""Sessions that one isolated namespace holds at a time: the eleventh anchor is over quota, before anything exists."""

_NAMESPACES_OF_KUBERNETES = re.compile(r"default|kube-.*|openshift(-.*)?")


@dataclass(frozen=True, kw_only=True)
class SetupSettings:
    """What the person who runs `kdebug setup` says; `covers` has no default on purpose."""

    environment: str
    covers: tuple[str, ...]
    """`("cluster",)`, or the namespaces that may be targets."""
    namespace: str = DEFAULT_NAMESPACE
    allow: tuple[str, ...] = ("configmaps",)
    """What sessions may copy into the namespace: a part of ALLOWABLE."""
    dns_peers: tuple[Manifest, ...] = ()
    """Egress rules to the cluster's DNS servers (`kdebug.domain.dns`); empty: not known, and not recorded."""


def check_settings(settings: SetupSettings) -> None:
    """Raise UsageError for settings that no namespace can state."""
    if not is_namespace_name(settings.namespace):
        raise UsageError(
            f"{settings.namespace!r} cannot be a namespace's name",
            remedy="use at most 63 lower-case letters, digits and dashes",
        )
    if _NAMESPACES_OF_KUBERNETES.fullmatch(settings.namespace):
        raise UsageError(
            f"namespace {settings.namespace} belongs to the cluster and cannot be isolated",
            remedy="leave the name out, or choose one that only holds debug sessions",
        )
    if not settings.environment.strip():
        raise UsageError("the environment's name is empty", remedy="say what this cluster is: --environment staging")
    if not are_covers_valid(settings.covers):
        raise UsageError(
            f"{','.join(settings.covers)!r} does not say which namespaces may be targets",
            remedy="use --covers cluster, or --covers with the namespaces' names",
        )
    if unknown := sorted(set(settings.allow) - set(ALLOWABLE)):
        raise UsageError(f"{unknown[0]!r} cannot be allowed", remedy=f"allow any of: {', '.join(ALLOWABLE)}")


def isolated_namespace(settings: SetupSettings) -> tuple[Manifest, ...]:
    """Return everything that setup makes, in the order in which it is made (UsageError: see `check_settings`).

    The engineers' Role comes last: nobody can start a session before the namespace denies traffic and has its quota.
    """
    check_settings(settings)
    return (
        target_reader_role(),
        _namespace(settings),
        _default_deny(settings.namespace),
        _quota(settings.namespace),
        _limits(settings.namespace),
        engineer_role(settings.namespace),
    )


def engineer_role(namespace: str) -> Manifest:
    """Return the Role of those who hold sessions: Secrets can be made and deleted, and never read."""
    return _object(ROLE, ENGINEER, namespace) | {
        "rules": [
            _rule("", ["namespaces"], ["get"]),
            _rule("batch", ["jobs"], ["create", "get", "list", "watch", "patch", "delete"]),
            _rule("", ["pods"], ["create", "get", "list", "watch", "delete"]),
            _rule("", ["pods/log"], ["get"]),
            _rule("", ["pods/exec"], ["get", "create"]),
            _rule("networking.k8s.io", ["networkpolicies"], ["create", "get", "list", "delete"]),
            _rule("", ["configmaps"], ["create", "get", "list", "delete"]),
            _rule("", ["secrets"], ["create", "delete"]),
            _rule("", ["events"], ["get", "list", "watch"]),
            _rule("", ["resourcequotas", "limitranges"], ["get", "list"]),
        ]
    }


def target_reader_role() -> Manifest:
    """Return the ClusterRole that reads targets; bound in one namespace it reads that Namespace object and no other.

    A namespaced binding suffices for `get` on the Namespace itself: the API server authorizes that request inside it.
    """
    return _object(CLUSTER_ROLE, TARGET_READER, "") | {
        "rules": [
            _rule("", ["namespaces"], ["get"]),
            _rule("", ["pods"], ["get", "list", "watch"]),
            _rule("", ["pods/log"], ["get"]),
            _rule("", ["events"], ["get", "list", "watch"]),
            _rule("apps", ["deployments", "replicasets", "statefulsets", "daemonsets"], ["get", "list"]),
            _rule("batch", ["jobs", "cronjobs"], ["get", "list"]),
            _rule("", ["configmaps"], ["get"]),
        ]
    }


def target_reader_binding(namespace: str, group: str) -> Manifest:
    """Return the RoleBinding by which a group reads targets in one namespace."""
    return _binding(TARGET_READER, namespace, CLUSTER_ROLE.name, TARGET_READER, group)


def engineer_binding(namespace: str, group: str) -> Manifest:
    """Return the RoleBinding by which a group holds sessions in an isolated namespace."""
    return _binding("kdebug-engineers", namespace, ROLE.name, ENGINEER, group)


def next_steps(settings: SetupSettings) -> tuple[str, ...]:
    """Return what remains to be done by hand, as lines: sentences, and indented commands with GROUP to be filled in."""
    reader = f"  kubectl create rolebinding {TARGET_READER} --clusterrole={TARGET_READER} --group=GROUP --namespace="
    engineers = f"  kubectl create rolebinding kdebug-engineers --role={ENGINEER} --group=GROUP --namespace="
    targets = ("NAMESPACE",) if WHOLE_CLUSTER in settings.covers else settings.covers
    return (
        "Let a group hold sessions:",
        engineers + settings.namespace,
        "Let the same group read its targets, in each namespace:",
        *(reader + target for target in targets),
    )


def session_network_policy(
    *,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    owner: Manifest,
    network: str,
    dns_peers: tuple[Manifest, ...] = (),
    target_namespace: str = "",
) -> Manifest:
    """Return the policy of one session's own pods: no ingress; egress by `network`, one of NETWORKS.

    `labels` are the session's, `owner` is the reference to its anchor. Without recorded DNS peers `dns`
    allows nothing, as port 53 to anywhere is a tunnel. Raises UsageError for a network that cannot be.
    """
    egress: dict[str, list[Manifest]] = {
        "dns": [*dns_peers],
        "source": [
            *dns_peers,
            {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": target_namespace}}}]},
        ],
        "open": [{}],
    }
    if network not in egress:
        raise UsageError(f"{network!r} is not a network", remedy=f"use one of: {', '.join(NETWORKS)}")
    if network == "source" and not target_namespace:
        raise UsageError("a target without a namespace has no network to share", remedy="use --network dns or open")
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.name,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels), "ownerReferences": [owner]},
        "spec": {
            "podSelector": {"matchLabels": {SESSION: labels[SESSION]}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": egress[network],
        },
    }


def _namespace(settings: SetupSettings) -> Manifest:
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    versions = {f"{label}-version": "latest" for label in levels}
    annotations = {
        ENVIRONMENT: settings.environment.strip(),
        COVERS: ",".join(dict.fromkeys(settings.covers)),
        ALLOW: ",".join(sorted(set(settings.allow))),
    }
    if settings.dns_peers:
        annotations[DNS_PEERS] = dns_peers_as_text(settings.dns_peers)
    return {
        "apiVersion": NAMESPACE.api_version,
        "kind": NAMESPACE.name,
        "metadata": {
            "name": settings.namespace,
            "labels": {ISOLATED_LABEL: "true", PART_OF: "kdebug", **levels, **versions},
            "annotations": annotations,
        },
    }


def _default_deny(namespace: str) -> Manifest:
    return _object(NETWORK_POLICY, DEFAULT_DENY, namespace) | {
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
    }


def _quota(namespace: str) -> Manifest:
    # A session has one anchor, a clone (requests 100m and 128Mi, limits at most 2 CPU and 2Gi), and at most one
    # reproduction with the target's own figures, for which 1 CPU and 2Gi are set aside (2 CPU and 2Gi as limits).
    hard = {
        "count/jobs.batch": str(MAX_SESSIONS),
        "count/pods": str(2 * MAX_SESSIONS),
        "requests.cpu": "11",
        "requests.memory": "22Gi",
        "limits.cpu": "40",
        "limits.memory": "40Gi",
        # Above the sessions' own: the default-deny, the cluster's CA bundle, pull secrets.
        "count/networkpolicies.networking.k8s.io": str(2 * MAX_SESSIONS),
        "count/configmaps": str(10 * MAX_SESSIONS),
        "count/secrets": str(3 * MAX_SESSIONS),
        # Nothing in the namespace is to be reached, or to keep data.
        "count/services": "0",
        "count/persistentvolumeclaims": "0",
    }
    return _object(RESOURCE_QUOTA, QUOTA, namespace) | {"spec": {"hard": hard}}


def _limits(namespace: str) -> Manifest:
    container = {
        "type": "Container",
        # No disk is set aside: a node that does not account for disk could not take the pod.
        "defaultRequest": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "0"},
        "default": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "8Gi"},
        "max": {"cpu": "4", "memory": "8Gi"},
    }
    return _object(LIMIT_RANGE, LIMITS, namespace) | {"spec": {"limits": [container]}}


def _object(kind: Kind, name: str, namespace: str) -> dict[str, object]:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name, **place, "labels": {PART_OF: "kdebug"}},
    }


def _rule(group: str, resources: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _binding(name: str, namespace: str, role_kind: str, role: str, group: str) -> Manifest:
    return _object(ROLE_BINDING, name, namespace) | {
        "roleRef": {"apiGroup": ROLE.group, "kind": role_kind, "name": role},
        "subjects": [{"apiGroup": ROLE.group, "kind": "Group", "name": group}],
    }
