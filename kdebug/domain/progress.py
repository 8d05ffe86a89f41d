"""How far a clone has come, and whether it will never start: read from its status and its events alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdebug.domain.diagnosis import count_of, in_order, meaning_of
from kdebug.domain.kinds import Manifest, namespace_of
from kdebug.domain.state import STARTING, ContainerState, container_states, is_terminating, mapping, unschedulable
from kdebug.domain.text import safe

SCHEDULING_GRACE_SECONDS = 5.0
MOUNT_GRACE_SECONDS = 5.0
NETWORK_GRACE_SECONDS = 15.0

_IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
     "RegistryUnavailable", "SignatureValidationFailed"}
)  # fmt: skip
_IMAGE_LOST_AT_ONCE = frozenset({"InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"})
_ABSENT = re.compile(r"not found|manifest unknown|does not exist|name unknown|no such image", re.IGNORECASE)
_REFUSED = re.compile(
    r"unauthori[sz]ed|access denied|denied:|authentication required|authorization failed|no basic auth|forbidden",
    re.IGNORECASE,
)
_PASSING = re.compile(r"failed to sync|timed out waiting for the condition", re.IGNORECASE)
_MOUNT_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_NETWORK_EVENTS = ("FailedCreatePodSandBox", "FailedCreatePodContainer", "NetworkNotReady")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One reading; all text is safe to show. `failure` is empty while the clone may still start."""

    step: str
    """Where it is, in words: scheduled on node N."""
    detail: str = ""
    """The server's own words."""
    failure: str = ""
    """What will keep the clone from starting; final once it has stood for `grace_seconds`."""
    grace_seconds: float = 0.0
    remedy: str = ""
    is_image_missing: bool = False
    """The container's image is absent or has not what the clone runs: the caller knows the remedy."""
    ended: str = ""
    """The container that has ended, where one has: its log says more."""
    is_ready: bool = False


def read_progress(pod: Manifest, container: str, events: Sequence[Manifest] = ()) -> Progress:
    """Return how far the pod is on the way to a running `container`; `events` are the pod's own, in any order.

    Only a missing or refused image, an impossible configuration, an end or a deletion fail at once. An image pull that
    fails in another way (a timeout) is final when the events count it twice; scheduling and mounts have a grace.
    """
    states = container_states(pod)
    for reading in (_gone(pod), *(_container(pod, state, container, events) for state in states), _ended(pod)):
        if reading is not None and (reading.failure or reading.is_ready):
            return reading
    return _unscheduled(pod, events) or _held(pod, states, events) or _moving(pod, states, container, events)


def _gone(pod: Manifest) -> Progress | None:
    if not is_terminating(pod):
        return None
    return Progress(step="being deleted", failure="the clone was deleted while it started", detail=_pod_words(pod))


def _ended(pod: Manifest) -> Progress | None:
    """Whether the whole pod has ended without a container that says why (evicted, rejected by the kubelet)."""
    phase = str(mapping(pod.get("status")).get("phase") or "")
    if phase not in ("Failed", "Succeeded"):
        return None
    reason = safe(str(mapping(pod.get("status")).get("reason") or phase))
    return Progress(
        step="ended",
        failure=f"the clone ended before it was ready ({reason})",
        detail=_pod_words(pod),
        remedy="kubectl describe nodes" if reason == "Evicted" or reason.startswith("OutOf") else "",
    )


def _pod_words(pod: Manifest) -> str:
    return safe(str(mapping(pod.get("status")).get("message") or ""))


def _container(pod: Manifest, state: ContainerState, wanted: str, events: Sequence[Manifest]) -> Progress | None:
    """Return what one container settles: the wanted one runs, or this one will not."""
    is_wanted = state.name == wanted
    if state.phase == "running" and is_wanted:
        return Progress(step="running", is_ready=True)
    if state.phase == "terminated" and (is_wanted or state.exit_code != 0):
        return _terminated(pod, state, is_wanted)
    if state.phase != "waiting" or state.reason in STARTING:
        return None
    if state.reason in _IMAGE_REASONS:
        return _image(pod, state, is_wanted, events)
    if state.reason == "CrashLoopBackOff":
        return _terminated(pod, state, is_wanted)
    remedy = "kdebug plan shows what the clone refers to"
    if "runAsNonRoot" in state.message or "run as root" in state.message or "non-numeric user" in state.message:
        remedy = "--image IMAGE with one that runs as a numeric user other than 0"
    return Progress(
        step=f"container {safe(state.name)} is not made",
        failure=f"container {safe(state.name)} cannot be made ({safe(state.reason)})",
        detail=safe(state.message),
        grace_seconds=MOUNT_GRACE_SECONDS if _PASSING.search(state.message) else 0.0,
        remedy=remedy,
    )


def _terminated(pod: Manifest, state: ContainerState, is_wanted: bool) -> Progress:
    code = state.exit_code if state.exit_code is not None else -1
    meaning = meaning_of(code)
    is_unstarted = state.exit_reason in ("StartError", "ContainerCannotRun")
    reason = state.exit_reason if state.exit_reason not in ("", "Error", "Completed") else ""
    facts = ", ".join(part for part in (reason, f"exit code {code}" + (f" ({meaning})" if meaning else "")) if part)
    return Progress(
        step=f"container {safe(state.name)} ended",
        failure=f"container {safe(state.name)} ended before the clone was ready ({safe(facts)})",
        detail=safe(state.exit_message) or _pod_words(pod),
        is_image_missing=is_wanted and (is_unstarted or code in (126, 127, 128)),
        ended="" if is_unstarted else state.name,
    )


def _image(pod: Manifest, state: ContainerState, is_wanted: bool, events: Sequence[Manifest]) -> Progress:
    """Read an image that is not there: absent and refused are final at once, a second failure of any kind is, too."""
    words = state.message or _pull_words(events)
    reading = Progress(step=f"image {safe(state.image)} is not pulled", detail=safe(words))
    if _ABSENT.search(words) and not _REFUSED.search(words):
        remedy = "" if is_wanted else f"check the image of init container {safe(state.name)} in the configuration"
        failure = f"image {safe(state.image)} does not exist in its registry"
        return replace(reading, failure=failure, is_image_missing=is_wanted, remedy=remedy)
    if _REFUSED.search(words):
        where = safe(namespace_of(pod)) or "the isolated namespace"
        remedy = f"give service account default in namespace {where} a pull secret for this registry, or use --image"
        return replace(reading, failure=f"the registry refuses image {safe(state.image)}", remedy=remedy)
    if state.reason in _IMAGE_LOST_AT_ONCE:
        failure = f"image {safe(state.image)} cannot be used ({safe(state.reason)})"
        return replace(reading, failure=failure, remedy="--image IMAGE")
    if _failed_pulls(events, state.image) >= 2:
        failure = f"image {safe(state.image)} could not be pulled, twice"
        return replace(reading, failure=failure, remedy="check that the nodes reach the registry, then try again")
    return reading


def _failed_pulls(events: Sequence[Manifest], image: str) -> int:
    start = f'Failed to pull image "{image}"'
    return sum(count_of(event) for event in events if str(event.get("message", "")).startswith(start))


def _pull_words(events: Sequence[Manifest]) -> str:
    return _last(events, ("Failed",), start="Failed to pull image")


def _unscheduled(pod: Manifest, events: Sequence[Manifest]) -> Progress | None:
    """Read a pod without a node; one for which the autoscaler makes a node is waited for."""
    words = unschedulable(pod)
    if not words:
        return None
    growing = _last(events, ("TriggeredScaleUp",))
    if growing:
        return Progress(step="waiting for a new node", detail=safe(growing))
    return Progress(
        step="waiting for a node",
        detail=safe(words),
        failure="no node accepts the clone",
        grace_seconds=SCHEDULING_GRACE_SECONDS,
        remedy="kubectl describe nodes",
    )


def _held(pod: Manifest, states: Sequence[ContainerState], events: Sequence[Manifest]) -> Progress | None:
    """Read a pod whose volumes or network the node cannot set up; only events tell, and they outlive the trouble."""
    is_past = _last(events, ("Pulling", "Pulled", "Created", "Started")) or any(s.phase != "waiting" for s in states)
    if is_past:
        return None
    words = _last(events, _MOUNT_EVENTS)
    if words:
        return Progress(
            step="waiting for its volumes",
            detail=safe(words),
            failure="the clone's volumes cannot be mounted",
            grace_seconds=MOUNT_GRACE_SECONDS,
            remedy="kdebug plan shows what the clone refers to",
        )
    words = _last(events, _NETWORK_EVENTS)
    if words:
        return Progress(
            step="waiting for its network",
            detail=safe(words),
            failure="the node cannot set the clone up",
            grace_seconds=NETWORK_GRACE_SECONDS,
            remedy=f"kubectl describe node {safe(_node(pod))}",
        )
    return None


def _moving(pod: Manifest, states: Sequence[ContainerState], wanted: str, events: Sequence[Manifest]) -> Progress:
    """Say in words where a pod is that has no trouble."""
    image_trouble = next((_image(pod, s, s.name == wanted, events) for s in states if s.reason in _IMAGE_REASONS), None)
    if image_trouble is not None:
        return image_trouble
    if not _node(pod):
        return Progress(step="waiting for a node")
    inits = (state for state in states if state.is_init and not state.is_sidecar and state.name != wanted)
    running = next((state for state in inits if state.phase == "running"), None)
    if running is not None:
        return Progress(step=f"init container {safe(running.name)} runs")
    newest = [event for event in in_order(events) if event.get("reason") in _STEPS]
    if newest:
        event = newest[-1]
        return Progress(step=_STEPS[str(event["reason"])], detail=safe(str(event.get("message") or "")))
    return Progress(step=f"scheduled on node {safe(_node(pod))}")


_STEPS = {
    "Pulling": "image is being pulled",
    "Pulled": "image pulled",
    "Created": "container created",
    "Started": "container started",
}


def _node(pod: Manifest) -> str:
    return str(mapping(pod.get("spec")).get("nodeName") or "")


def _last(events: Sequence[Manifest], reasons: Sequence[str], *, start: str = "") -> str:
    """Return the message of the last event with one of these reasons, an empty string when there is none."""
    for event in reversed(in_order(events)):
        message = str(event.get("message") or "")
        if event.get("reason") in reasons and message.startswith(start):
            return message or str(event["reason"])
    return ""
