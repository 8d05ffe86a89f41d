"""The resources that the embedded API serves, and how they are found by path and by manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kdebug.domain import kinds
from kdebug.domain.kinds import Kind

JSON = dict[str, Any]
"""A decoded JSON object that its holder may change."""

SERVICE = Kind(name="Service", api_version="v1", plural="services")
CLAIM = Kind(name="PersistentVolumeClaim", api_version="v1", plural="persistentvolumeclaims")
CLUSTER_ROLE_BINDING = Kind(
    name="ClusterRoleBinding",
    api_version="rbac.authorization.k8s.io/v1",
    plural="clusterrolebindings",
    is_namespaced=False,
)
ADMISSION_POLICY = Kind(
    name="ValidatingAdmissionPolicy",
    api_version="admissionregistration.k8s.io/v1",
    plural="validatingadmissionpolicies",
    is_namespaced=False,
)
ADMISSION_BINDING = Kind(
    name="ValidatingAdmissionPolicyBinding",
    api_version="admissionregistration.k8s.io/v1",
    plural="validatingadmissionpolicybindings",
    is_namespaced=False,
)
ACCESS_REVIEW = Kind(
    name="SelfSubjectAccessReview",
    api_version="authorization.k8s.io/v1",
    plural="selfsubjectaccessreviews",
    is_namespaced=False,
)
SUBJECT_REVIEW = Kind(
    name="SelfSubjectReview", api_version="authentication.k8s.io/v1", plural="selfsubjectreviews", is_namespaced=False
)

REVIEWS = (ACCESS_REVIEW, SUBJECT_REVIEW)
STORED = tuple(
    {
        (kind.api_version, kind.plural): kind
        for kind in (
            *kinds.KINDS.values(), SERVICE, CLAIM, CLUSTER_ROLE_BINDING, ADMISSION_POLICY, ADMISSION_BINDING,
        )
    }.values()
)  # fmt: skip

BY_PLURAL = {(kind.api_version, kind.plural): kind for kind in (*STORED, *REVIEWS)}
BY_NAME = {(kind.api_version, kind.name): kind for kind in STORED}

SUBRESOURCES = {kinds.POD.plural: ("log", "exec", "status"), kinds.JOB.plural: ("status",)}

SHORT_NAMES = {
    "pods": "po", "configmaps": "cm", "namespaces": "ns", "nodes": "no", "events": "ev", "serviceaccounts": "sa",
    "resourcequotas": "quota", "limitranges": "limits", "networkpolicies": "netpol", "services": "svc",
    "persistentvolumeclaims": "pvc", "deployments": "deploy", "replicasets": "rs", "statefulsets": "sts",
    "daemonsets": "ds", "cronjobs": "cj",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a path points at: a collection (no name), an object, or an object's subresource."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def place_of(path: str) -> Place | None:
    """Return what a URL path points at, or None for one that is served by nothing."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        api_version, rest = "v1", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        api_version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = BY_PLURAL.get((api_version, rest[0])) if rest else None
    if kind is None or len(rest) > 3 or (namespace and not kind.is_namespaced):
        return None
    name, subresource = (*rest[1:], "", "")[:2]
    if (name and kind.is_namespaced and not namespace) or (
        subresource and subresource not in SUBRESOURCES.get(kind.plural, ())
    ):
        return None
    return Place(kind=kind, namespace=namespace, name=name, subresource=subresource)


def qualified_plural(kind: Kind) -> str:
    """Return the resource as messages name it: pods, jobs.batch."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def qualified_name(kind: Kind) -> str:
    """Return the kind as messages name it: Pod, Job.batch."""
    return f"{kind.name}.{kind.group}" if kind.group else kind.name
