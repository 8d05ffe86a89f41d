"""Objects that these tests create, and where."""

from __future__ import annotations

from typing import Any

NAMESPACE = "kdebug-isolated"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
SLEEPER = ["/busybox/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]


def pod_spec(
    command: list[str] | None = None, *, image: str = "prism/proxy:v1.2.3-debug", **more: Any
) -> dict[str, Any]:
    """Return a pod's spec that Pod Security `restricted` lets in."""
    container: dict[str, Any] = {
        "name": "c",
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if command is not None:
        container["command"] = command
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 2,
        "securityContext": security,
        "containers": [container],
    } | more


def pod(
    name: str = "p", command: list[str] | None = None, *, owner: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a pod that sleeps until it is stopped, or runs a command."""
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(command or SLEEPER, **more)}
    return owned(made, owner)


def job(name: str = "anchor", *, deadline: int = 20, ttl: int = 5, **more: Any) -> dict[str, Any]:
    """Return an anchor: a Job that makes no pods."""
    spec = {
        "parallelism": 0,
        "completions": 1,
        "backoffLimit": 0,
        "activeDeadlineSeconds": deadline,
        "ttlSecondsAfterFinished": ttl,
        "template": {"spec": pod_spec()},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec | more}


def config_map(name: str = "child", owner: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """Return a ConfigMap."""
    return owned({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}, owner)


def owned(manifest: dict[str, Any], owner: dict[str, Any] | None) -> dict[str, Any]:
    """Return the manifest with an owner that is given as the server returned it."""
    if owner is None:
        return manifest
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": False,
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}
