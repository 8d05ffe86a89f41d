"""What is on the cluster when it starts: the crash-looping prism-proxy, and its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdebug.demo.resources import JSON
from kdebug.domain.kinds import Manifest

IMAGE = "ghcr.io/prism/proxy:v1.2.3"
NAMESPACE = "prism"
ISOLATED = "kdebug-isolated"
HISTORY_SECONDS = 760.0
"""How long the demo's pods have been crashing: seven restarts, the back-off at its longest."""

_POD_NAME = "prism-proxy-pod"
_REPLICA_SET = "prism-proxy-646785fb69"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Objects in the order in which they are made (owners first; a reference's uid may be left out), and their past."""

    objects: tuple[Manifest, ...]
    namespace: str = NAMESPACE
    history: float = 0.0
    """Seconds of the cluster's own life, played before anybody may ask."""


def prism_scenario(
    *, isolated: bool = False, history: float = HISTORY_SECONDS, extra: Sequence[Manifest] = ()
) -> Scenario:
    """Return the demo: a Deployment and a bare pod of prism-proxy, both without PRISM_BACKEND.

    With `isolated` the namespace for clones is there too, as `kdebug setup` makes it.
    """
    objects = [
        *(namespace(name) for name in ("default", "kube-system", NAMESPACE)),
        *((isolated_namespace(),) if isolated else ()),
        node(),
        _config(),
        pod(_POD_NAME, pod_spec(), labels={"app": "prism-proxy", "run": _POD_NAME}),
        *_deployment(),
        *extra,
    ]
    return Scenario(objects=tuple(objects), history=history)


def namespace(name: str, *, labels: JSON | None = None, annotations: JSON | None = None) -> Manifest:
    """Return a Namespace."""
    metadata: JSON = {"name": name, "labels": dict(labels or {})}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def isolated_namespace(*, environment: str = "demo", covers: str = "cluster", allow: str = "configmaps") -> Manifest:
    """Return the isolated namespace with its statement."""
    labels = {"kdebug.dev/isolated": "true"}
    labels |= {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    annotations = {"kdebug.dev/environment": environment, "kdebug.dev/covers": covers, "kdebug.dev/allow": allow}
    return namespace(ISOLATED, labels=labels, annotations=annotations)


def node(name: str = "demo-node") -> Manifest:
    """Return a Node without the marks of any local cluster: the demo is judged by its statement alone."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
            },
        },
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": name}],
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"kubeletVersion": "v1.34.4", "operatingSystem": "linux", "architecture": "amd64"},
        },
    }


def pod_spec(*, image: str = IMAGE, environment: JSON | None = None) -> JSON:
    """Return the pod of the platform's deployment example; without PRISM_BACKEND it panics."""
    variables = {"RUST_LOG": "info"} | (environment or {})
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "prism-proxy",
                "image": image,
                "ports": [{"name": "grpc", "containerPort": 8980}, {"name": "metrics", "containerPort": 9090}],
                "env": [{"name": name, "value": value} for name, value in variables.items()],
                "envFrom": [{"configMapRef": {"name": "prism-proxy"}}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def pod(
    name: str, spec: JSON, *, labels: JSON | None = None, owner: Manifest | None = None, where: str = NAMESPACE
) -> Manifest:
    """Return a Pod; its owner's uid is filled in when the scenario is loaded."""
    metadata: JSON = {"name": name, "namespace": where, "labels": dict(labels or {})}
    if owner is not None:
        metadata["ownerReferences"] = [_reference(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _config() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "prism-proxy", "namespace": NAMESPACE},
        "data": {"PRISM_LISTEN": "0.0.0.0:8980", "PRISM_METRICS": "0.0.0.0:9090"},
    }


def _reference(owner: Manifest) -> JSON:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _deployment() -> tuple[Manifest, ...]:
    labels = {"app": "prism-proxy"}
    hashed = labels | {"pod-template-hash": _REPLICA_SET.rpartition("-")[2]}
    deployment = _workload("Deployment", "prism-proxy", labels, labels)
    replicas = _workload("ReplicaSet", _REPLICA_SET, hashed, hashed, owner=deployment)
    return deployment, replicas, pod(f"{_REPLICA_SET}-zpdg9", pod_spec(), labels=hashed, owner=replicas)


def _workload(kind: str, name: str, labels: JSON, selected: JSON, *, owner: Manifest | None = None) -> Manifest:
    metadata: JSON = {"name": name, "namespace": NAMESPACE, "labels": dict(labels)}
    if owner is not None:
        metadata["ownerReferences"] = [_reference(owner)]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(selected)},
            "template": {"metadata": {"labels": dict(selected)}, "spec": pod_spec()},
        },
        "status": {"replicas": 1, "unavailableReplicas": 1, "observedGeneration": 1},
    }
