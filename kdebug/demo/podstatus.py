"""A pod's status: conditions, addresses and the states of its containers."""

from __future__ import annotations

from collections.abc import Sequence

from kdebug.demo.containers import Container
from kdebug.demo.resources import JSON
from kdebug.demo.store import copied
from kdebug.domain.kinds import Manifest, uid_of

HOST_ADDRESS = "192.0.2.1"
"""Addresses are of TEST-NET-1 (RFC 5737): nothing on the user's network can be meant by one."""


def pod_status(pod: Manifest, containers: Sequence[Container], phase: str, now: str) -> JSON:
    """Return the status of a pod on the node, keeping the times of conditions that have not changed."""
    old = pod.get("status") or {}
    address = f"192.0.2.{2 + int(uid_of(pod)[:8], 16) % 253}"
    status: JSON = {
        "phase": phase,
        "qosClass": old.get("qosClass", "BestEffort"),
        "hostIP": HOST_ADDRESS,
        "hostIPs": [{"ip": HOST_ADDRESS}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": _conditions(old.get("conditions", ()), containers, phase, now),
        "observedGeneration": pod["metadata"].get("generation", 1),
    }
    if "startTime" in old:
        status["startTime"] = old["startTime"]
    for field, is_init in (("initContainerStatuses", True), ("containerStatuses", False)):
        entries = [copied(container.status()) for container in containers if container.is_init is is_init]
        if entries:
            status[field] = entries
    return status


def condition(name: str, is_true: bool, now: str, *, reason: str = "", message: str = "") -> JSON:
    """Return one condition of a pod."""
    made: JSON = {"type": name, "status": str(is_true), "lastProbeTime": None, "lastTransitionTime": now}
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def _conditions(old: Sequence[JSON], containers: Sequence[Container], phase: str, now: str) -> list[JSON]:
    waiting_inits = [c.name for c in containers if c.is_init and c.exit_code != 0]
    unready = [c.name for c in containers if not c.is_init and not c.is_running]
    is_over = phase in ("Succeeded", "Failed")
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    unready_words = "" if is_over else f"containers with unready status: [{' '.join(unready)}]"
    not_ready = {"reason": over or "ContainersNotReady", "message": unready_words} if unready or is_over else {}
    incomplete = f"containers with incomplete status: [{' '.join(waiting_inits)}]"
    new = [
        condition("PodReadyToStartContainers", not is_over, now),
        condition(
            "Initialized",
            not waiting_inits,
            now,
            **({"reason": "ContainersNotInitialized", "message": incomplete} if waiting_inits else {}),
        ),
        condition("Ready", not not_ready, now, **not_ready),
        condition("ContainersReady", not not_ready, now, **not_ready),
        condition("PodScheduled", True, now),
    ]
    known = {item["type"]: item for item in old}
    for item in new:
        before = known.get(item["type"])
        if before is not None and before["status"] == item["status"]:
            item["lastTransitionTime"] = before["lastTransitionTime"]
    return new
