"""What a pod's status says of the pod and of each of its containers, in the words that kubectl prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdebug.domain.kinds import Manifest

STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})
"""Reasons of a waiting container that is on its way and has not failed."""


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """One container as the kubelet reports it; `exit_code` is of the run that ended last, None when none has."""

    name: str
    is_init: bool
    phase: str
    """waiting | running | terminated | unknown"""
    reason: str
    message: str
    is_ready: bool
    is_started: bool
    restarts: int
    exit_code: int | None
    exit_reason: str
    exit_message: str
    started_at: str
    restarts_after: str
    """The pod's or the container's restart policy: Always | OnFailure | Never."""
    image: str
    image_id: str

    @property
    def is_sidecar(self) -> bool:
        """Whether this is a native sidecar: an init container that stays."""
        return self.is_init and self.restarts_after == "Always"

    @property
    def is_looping(self) -> bool:
        """Whether it ended, was started again, and has ended again."""
        if self.phase == "waiting":
            return self.reason == "CrashLoopBackOff"
        return self.phase == "terminated" and self.restarts > 0 and self._is_started_again

    @property
    def _is_started_again(self) -> bool:
        return self.restarts_after == "Always" or (self.restarts_after == "OnFailure" and self.exit_code != 0)

    @property
    def is_completed(self) -> bool:
        """Whether it ended well and stays ended."""
        return self.phase == "terminated" and self.exit_code == 0 and not self._is_started_again

    @property
    def is_failing(self) -> bool:
        """Whether something is wrong with it now; one that is still being made is not failing."""
        if self.phase == "waiting":
            return self.reason not in STARTING
        if self.phase == "terminated":
            return self.exit_code != 0 or self.is_looping
        if self.phase == "running":
            return not self.is_ready and not (self.is_init and not self.is_sidecar)
        return False

    @property
    def word(self) -> str:
        """The state in one word; a container between two crashes is in CrashLoopBackOff whatever the moment shows."""
        if self.is_looping:
            return "CrashLoopBackOff"
        if self.phase == "waiting":
            return self.reason or "ContainerCreating"
        if self.phase == "terminated":
            return self.reason or ("Completed" if self.exit_code == 0 else "Error")
        if self.phase == "running":
            return "NotReady" if self.is_failing else "Running"
        return "Pending"


def container_states(pod: Manifest) -> tuple[ContainerState, ...]:
    """Return a state for each container of the spec, init containers first; those without a status are `unknown`."""
    spec = mapping(pod.get("spec"))
    status = mapping(pod.get("status"))
    policy = str(spec.get("restartPolicy") or "Always")
    states = []
    for is_init, field, reported in ((True, "initContainers", "initContainerStatuses"),
                                     (False, "containers", "containerStatuses")):  # fmt: skip
        by_name = {str(entry.get("name")): entry for entry in mappings(status.get(reported))}
        for container in mappings(spec.get(field)):
            own_policy = str(container.get("restartPolicy") or _inherited(policy, is_init))
            states.append(_state(container, by_name.get(str(container.get("name")), {}), is_init, own_policy))
    return tuple(states)


def _inherited(policy: str, is_init: bool) -> str:
    """An init container that ends well is not started again, whatever the pod's policy."""
    return "OnFailure" if is_init and policy == "Always" else policy


def _state(container: Mapping[str, Any], entry: Mapping[str, Any], is_init: bool, policy: str) -> ContainerState:
    reported = mapping(entry.get("state"))
    phase = next((key for key in ("waiting", "running", "terminated") if reported.get(key) is not None), "unknown")
    now = mapping(reported.get(phase))
    ended = now if phase == "terminated" else mapping(mapping(entry.get("lastState")).get("terminated"))
    return ContainerState(
        name=str(container.get("name", "")),
        is_init=is_init,
        phase=phase,
        reason=str(now.get("reason") or ""),
        message=str(now.get("message") or ""),
        is_ready=entry.get("ready") is True,
        is_started=entry.get("started") is True,
        restarts=_whole(entry.get("restartCount")) or 0,
        exit_code=_whole(ended.get("exitCode")),
        exit_reason=str(ended.get("reason") or ""),
        exit_message=str(ended.get("message") or ""),
        started_at=str(now.get("startedAt") or ""),
        restarts_after=policy,
        image=str(container.get("image") or ""),
        image_id=str(entry.get("imageID") or ""),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def state_of(pod: Manifest, container: str) -> ContainerState | None:
    """Return the state of one container, None when the pod has no container of that name."""
    return next((state for state in container_states(pod) if state.name == container), None)


def is_terminating(pod: Manifest) -> bool:
    """Return whether somebody has asked for the pod's deletion."""
    return bool(mapping(pod.get("metadata")).get("deletionTimestamp"))


def condition_of(pod: Manifest, kind: str) -> Mapping[str, Any]:
    """Return the pod's condition of this type, empty when there is none."""
    conditions = mappings(mapping(pod.get("status")).get("conditions"))
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def unschedulable(pod: Manifest) -> str:
    """Return why the scheduler has no node for the pod, in its own words, or an empty string."""
    condition = condition_of(pod, "PodScheduled")
    if condition.get("status") != "False":
        return ""
    return str(condition.get("message") or condition.get("reason") or "no node accepts it")


def failing_container(pod: Manifest) -> ContainerState | None:
    """Return the container that fails: one in error before one that is only not ready, init containers first."""
    failing = [state for state in container_states(pod) if state.is_failing]
    return min(failing, key=lambda state: state.phase == "running", default=None)


def is_failing(pod: Manifest) -> bool:
    """Return whether the pod, or any container of it, fails."""
    status = mapping(pod.get("status"))
    if status.get("phase") == "Succeeded":
        return False
    return status.get("phase") == "Failed" or bool(unschedulable(pod)) or failing_container(pod) is not None


def restarts_of(pod: Manifest) -> int:
    """Return the restarts of all containers together."""
    return sum(state.restarts for state in container_states(pod))


def word_of(pod: Manifest) -> str:
    """Return the pod's state in one word, as in kubectl's STATUS column where that is stable."""
    status = mapping(pod.get("status"))
    failing = failing_container(pod)
    if status.get("reason"):
        return str(status["reason"])
    if failing is not None:
        return container_word(failing)
    if is_terminating(pod):
        return "Terminating"
    if unschedulable(pod):
        return "Unschedulable"
    if status.get("phase") == "Succeeded":
        return "Completed"
    return _unfailing_word(pod, str(status.get("phase") or "Unknown"))


def container_word(state: ContainerState) -> str:
    """Return a container's state in one word, marked as kubectl does where it is an init container's."""
    return f"Init:{state.word}" if state.is_init and not state.is_sidecar else state.word


def _unfailing_word(pod: Manifest, phase: str) -> str:
    if phase != "Pending":
        return phase
    waiting = [state for state in container_states(pod) if state.phase == "waiting"]
    return waiting[-1].word if waiting else phase


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value when it is a mapping, else an empty one: manifests come from files, too."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> Sequence[Mapping[str, Any]]:
    """Return the mappings of a list, an empty list for anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
