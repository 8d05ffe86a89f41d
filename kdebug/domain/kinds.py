"""The kinds of Kubernetes objects that kdebug reads or makes, and how each is spelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]
"""A Kubernetes object as decoded JSON. Functions of this package never change one they were given."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind: its manifest's name and API version, its path's plural, and the words kubectl takes for it."""

    name: str
    api_version: str
    plural: str
    words: tuple[str, ...] = ()
    is_namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, the object or its subresource."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        parts = [root]
        if self.is_namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


POD = Kind(name="Pod", api_version="v1", plural="pods", words=("pod", "pods", "po"))
DEPLOYMENT = Kind(
    name="Deployment", api_version="apps/v1", plural="deployments", words=("deployment", "deployments", "deploy")
)
STATEFUL_SET = Kind(
    name="StatefulSet", api_version="apps/v1", plural="statefulsets", words=("statefulset", "statefulsets", "sts")
)
DAEMON_SET = Kind(name="DaemonSet", api_version="apps/v1", plural="daemonsets", words=("daemonset", "daemonsets", "ds"))
REPLICA_SET = Kind(
    name="ReplicaSet", api_version="apps/v1", plural="replicasets", words=("replicaset", "replicasets", "rs")
)
JOB = Kind(name="Job", api_version="batch/v1", plural="jobs", words=("job", "jobs"))
CRON_JOB = Kind(name="CronJob", api_version="batch/v1", plural="cronjobs", words=("cronjob", "cronjobs", "cj"))
WORKLOADS = (POD, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB)

CONFIG_MAP = Kind(name="ConfigMap", api_version="v1", plural="configmaps")
SECRET = Kind(name="Secret", api_version="v1", plural="secrets")
EVENT = Kind(name="Event", api_version="v1", plural="events")
SERVICE_ACCOUNT = Kind(name="ServiceAccount", api_version="v1", plural="serviceaccounts")
RESOURCE_QUOTA = Kind(name="ResourceQuota", api_version="v1", plural="resourcequotas")
LIMIT_RANGE = Kind(name="LimitRange", api_version="v1", plural="limitranges")
NETWORK_POLICY = Kind(name="NetworkPolicy", api_version="networking.k8s.io/v1", plural="networkpolicies")
ROLE = Kind(name="Role", api_version="rbac.authorization.k8s.io/v1", plural="roles")
ROLE_BINDING = Kind(name="RoleBinding", api_version="rbac.authorization.k8s.io/v1", plural="rolebindings")
CLUSTER_ROLE = Kind(
    name="ClusterRole", api_version="rbac.authorization.k8s.io/v1", plural="clusterroles", is_namespaced=False
)
NAMESPACE = Kind(name="Namespace", api_version="v1", plural="namespaces", is_namespaced=False)
NODE = Kind(name="Node", api_version="v1", plural="nodes", is_namespaced=False)

KINDS = {
    kind.name: kind
    for kind in (
        *WORKLOADS, CONFIG_MAP, SECRET, EVENT, SERVICE_ACCOUNT, RESOURCE_QUOTA, LIMIT_RANGE, NETWORK_POLICY,
        ROLE, ROLE_BINDING, CLUSTER_ROLE, NAMESPACE, NODE,
    )
}  # fmt: skip


def kind_of(manifest: Manifest) -> Kind:
    """Return the kind of a manifest; KeyError for one that kdebug does not know."""
    return KINDS[str(manifest["kind"])]


def workload_kind(word: str) -> Kind | None:
    """Return the kind that kubectl means by `word` (deploy, sts, pods...), or None."""
    return next((kind for kind in WORKLOADS if word.casefold() in kind.words), None)


def name_of(manifest: Manifest) -> str:
    """Return metadata.name, or an empty string."""
    return str(manifest.get("metadata", {}).get("name", ""))


def namespace_of(manifest: Manifest) -> str:
    """Return metadata.namespace, or an empty string."""
    return str(manifest.get("metadata", {}).get("namespace", ""))


def uid_of(manifest: Manifest) -> str:
    """Return metadata.uid, or an empty string."""
    return str(manifest.get("metadata", {}).get("uid", ""))


def title_of(manifest: Manifest) -> str:
    """Return kubectl's TYPE/name form: job/kdebug-abc."""
    return f"{str(manifest.get('kind', 'object')).casefold()}/{name_of(manifest)}"
