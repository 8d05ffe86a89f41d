"""Pods in the states in which a kubelet leaves them, for tests of diagnosis, resolution and readiness."""

from __future__ import annotations

from typing import Any

CREATED = "2026-11-24T05:40:00Z"


def pod(name: str = "web", *statuses: dict[str, Any], namespace: str = "prism", **parts: Any) -> dict[str, Any]:
    """Return a pod with a container for each status; `parts` go into metadata, spec and status by their own names.

    Known parts: labels, owner (kind, name), created, policy, phase, reason, message, conditions, inits, node,
    annotations, deleted.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-Pod-{name}",
        "creationTimestamp": parts.get("created", CREATED),
        "labels": parts.get("labels", {}),
        "annotations": parts.get("annotations", {}),
    }
    if "owner" in parts:
        kind, owner = parts["owner"]
        metadata["ownerReferences"] = [{"kind": kind, "name": owner, "uid": f"uid-{kind}-{owner}", "controller": True}]
    if parts.get("deleted"):
        metadata["deletionTimestamp"] = CREATED
    inits = parts.get("inits", ())
    status = {key: parts[key] for key in ("phase", "reason", "message", "conditions") if key in parts}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "restartPolicy": parts.get("policy", "Always"),
            "nodeName": parts.get("node", "node-1"),
            "containers": [{"name": entry["name"], "image": entry["image"]} for entry in statuses],
            "initContainers": [
                {"name": entry["name"], "image": entry["image"]}
                | ({"restartPolicy": "Always"} if entry.get("sidecar") else {})
                for entry in inits
            ],
        },
        "status": {"containerStatuses": list(statuses), "initContainerStatuses": list(inits), **status},
    }


def _status(
    name: str, state: dict[str, Any], restarts: int, ended: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    last = {"terminated": ended} if ended else {}
    return {
        "name": name, "state": state, "lastState": last, "restartCount": restarts, "ready": False,
        "image": f"prism/{name}:v1", "imageID": f"prism/{name}@sha256:1", **more,
    }  # fmt: skip


def ended(code: int, reason: str = "", message: str = "") -> dict[str, Any]:
    """Return the `terminated` form of an end."""
    return {"exitCode": code, "reason": reason or ("Error" if code else "Completed"), "message": message}


def running(
    name: str = "app", *, ready: bool = True, restarts: int = 0, last: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the status of a container that runs."""
    return _status(name, {"running": {"startedAt": CREATED}}, restarts, last, ready=ready)


def looping(name: str = "app", code: int = 101, restarts: int = 7, reason: str = "Error") -> dict[str, Any]:
    """Return the status of a container in its back-off."""
    message = f"back-off 10s restarting failed container={name}"
    return _status(name, {"waiting": {"reason": "CrashLoopBackOff", "message": message}}, restarts, ended(code, reason))


def waiting(name: str = "app", reason: str = "ContainerCreating", message: str = "") -> dict[str, Any]:
    """Return the status of a container that has not started."""
    return _status(name, {"waiting": {"reason": reason, "message": message}}, 0, None)


def terminated(
    name: str = "app", code: int = 1, *, restarts: int = 0, reason: str = "", message: str = ""
) -> dict[str, Any]:
    """Return the status of a container that has ended."""
    return _status(name, {"terminated": ended(code, reason, message)}, restarts, None)


def event(
    reason: str, message: str = "", *, kind: str = "Warning", at: int = 0, count: int = 1, of: str = "web"
) -> dict[str, Any]:
    """Return an event about a pod, `at` seconds after the pod's creation."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{of}.{reason}.{at}", "namespace": "prism"},
        "involvedObject": {"kind": "Pod", "name": of, "uid": f"uid-Pod-{of}"},
        "type": kind,
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": f"2026-11-24T05:{40 + at // 60:02d}:{at % 60:02d}Z",
    }


UNSCHEDULABLE = [
    {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    }
]
