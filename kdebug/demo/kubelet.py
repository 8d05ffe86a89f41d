"""Scheduler and kubelet of the one node: which pods get a place, and where each one's life is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kdebug.demo.clock import Clock, stamp
from kdebug.demo.containers import Container
from kdebug.demo.events import Recorder
from kdebug.demo.podlife import PodLife
from kdebug.demo.podstatus import condition
from kdebug.demo.quantities import amount
from kdebug.demo.status import RejectedError, bad_request
from kdebug.demo.store import Change, Store, copied
from kdebug.demo.timings import Timings
from kdebug.domain.kinds import NODE, POD, Manifest, name_of, namespace_of, uid_of

_NOBODY_HELPS = (
    "no new claims to deallocate, preemption: 0/{0} nodes are available: {0} Preemption is not helpful for scheduling."
)


class Kubelet:
    """Watches pods and lives their lives.

    `stopped` is told the uid of a pod, or uid/container, whose processes are gone.
    """

    def __init__(self, store: Store, clock: Clock, timings: Timings, stopped: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._timings = timings
        self._stopped = stopped
        self._scheduler = Recorder(store, clock, "default-scheduler")
        self._events: dict[str, Recorder] = {}
        self._lives: dict[str, PodLife] = {}
        store.subscribe(self._see)

    def container(self, pod: Manifest, name: str) -> Container | None:
        """Return the container of a pod as the kubelet knows it, or None."""
        life = self._lives.get(uid_of(pod))
        return life.container(name) if life is not None else None

    def log(self, pod: Manifest, name: str, *, is_previous: bool) -> tuple[str, ...]:
        """Return a container's log lines; RejectedError 400 when there is no log yet."""
        container = self.container(pod, name)
        if container is None or not container.has_started:
            waiting = container.state.get("waiting", {}) if container is not None else {}
            raise _not_started(pod, name, str(waiting.get("reason", "ContainerCreating")))
        if not is_previous or (container.last_state and not container.is_running):
            return container.log
        if container.previous_log is None or not container.last_state:
            raise bad_request(f'previous terminated container "{name}" in pod "{name_of(pod)}" not found')
        return container.previous_log

    def _see(self, change: Change) -> None:
        if change.kind != POD:
            return
        pod, uid = change.object, uid_of(change.object)
        if change.type == "ADDED":
            if pod["spec"].get("nodeName") and (pod.get("status") or {}).get("containerStatuses"):
                return  # A pod that a scenario brings with a status of its own is left as it is.
            self._clock.call_after(self._timings.schedule, lambda: self._schedule(uid, namespace_of(pod), name_of(pod)))
        elif change.type == "DELETED":
            life = self._lives.pop(uid, None)
            if life is not None:
                life.forget()
        elif change.previous is not None:
            self._follow(pod, change.previous)

    def _follow(self, pod: Manifest, previous: Manifest) -> None:
        life = self._lives.get(uid_of(pod))
        if "deletionTimestamp" in pod["metadata"] and "deletionTimestamp" not in previous["metadata"]:
            if life is not None:
                life.stop(pod["metadata"].get("deletionGracePeriodSeconds", 0))
            else:
                grace = pod["metadata"].get("deletionGracePeriodSeconds", 0)
                self._clock.call_after(min(self._timings.stop, grace), lambda: self._remove(pod))
        elif life is not None and pod["spec"].get("activeDeadlineSeconds") != previous["spec"].get(
            "activeDeadlineSeconds"
        ):
            self._clock.call_after(0.0, life.set_deadline)

    def _remove(self, pod: Manifest) -> None:
        found = self._store.get(POD, namespace_of(pod), name_of(pod))
        if found is not None and uid_of(found) == uid_of(pod):
            new = copied(found)
            new["metadata"]["deletionGracePeriodSeconds"] = 0
            self._store.replace(found, new)

    def _schedule(self, uid: str, namespace: str, name: str) -> None:
        pod = self._store.get(POD, namespace, name)
        if pod is None or uid_of(pod) != uid or "deletionTimestamp" in pod["metadata"]:
            return
        node, problem = self._choose(pod)
        new = copied(pod)
        now = stamp(self._clock.now())
        if problem:
            self._scheduler.record(pod, "FailedScheduling", problem, is_warning=True)
            new["status"]["conditions"] = [
                condition("PodScheduled", False, now, reason="Unschedulable", message=problem)
            ]
            self._store.replace(pod, new)
            return
        new["spec"]["nodeName"] = node
        new["status"]["conditions"] = [condition("PodScheduled", True, now)]
        self._scheduler.record(pod, "Scheduled", f"Successfully assigned {namespace}/{name} to {node}")
        placed = self._store.replace(pod, new)
        recorder = self._events.setdefault(node, Recorder(self._store, self._clock, "kubelet", node))
        life = PodLife(placed, self._store, self._clock, recorder, self._timings, self._stopped)
        self._lives[uid] = life
        life.begin()

    def _choose(self, pod: Manifest) -> tuple[str, str]:
        nodes = self._store.list(NODE)
        wrong_labels, too_small = 0, dict[str, int]()
        for node in nodes:
            if not _has_labels(node, pod["spec"].get("nodeSelector") or {}):
                wrong_labels += 1
            elif lacking := _lacking(node, pod):
                too_small[lacking] = too_small.get(lacking, 0) + 1
            else:
                return name_of(node), ""
        reasons = [f"{count} Insufficient {resource}" for resource, count in too_small.items()]
        if wrong_labels:
            reasons.append(f"{wrong_labels} node(s) didn't match Pod's node affinity/selector")
        if not nodes:
            return "", "no nodes available to schedule pods"
        total = len(nodes)
        return "", f"0/{total} nodes are available: {', '.join(reasons)}. {_NOBODY_HELPS.format(total)}"


def _has_labels(node: Manifest, selector: Mapping[str, str]) -> bool:
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def _lacking(node: Manifest, pod: Manifest) -> str:
    offered = (node.get("status") or {}).get("allocatable") or {}
    for resource in ("cpu", "memory"):
        requests = ((c.get("resources") or {}).get("requests") or {} for c in pod["spec"]["containers"])
        if resource in offered and sum(amount(found.get(resource, 0)) for found in requests) > amount(
            offered[resource]
        ):
            return resource
    return ""


def _not_started(pod: Manifest, name: str, reason: str) -> RejectedError:
    words = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}.get(
        reason, reason
    )
    return bad_request(f'container "{name}" in pod "{name_of(pod)}" is waiting to start: {words}')
