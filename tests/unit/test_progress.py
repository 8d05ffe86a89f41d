"""How far a clone has come, and what will never start."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.domain.progress import read_progress
from tests.support.pods import UNSCHEDULABLE, event, pod, running, terminated, waiting

NOT_FOUND = (
    'Back-off pulling image "prism/kafka-publisher:v0.3.0-debug": ErrImagePull: rpc error: code = NotFound desc = '
    'failed to pull and unpack image "docker.io/prism/kafka-publisher:v0.3.0-debug": not found'
)
TIMEOUT = 'failed to pull and unpack image "x": dial tcp 10.0.0.1:443: i/o timeout'
REFUSED = "failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden"
HUB = "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access"
INVALID = "couldn't parse image name: invalid reference format: repository name (UPPER) must be lowercase"
ROOT = 'container has runAsNonRoot and image will run as root (pod: "x", container: app)'
NO_SHELL = 'exec: "/busybox/sh": stat /busybox/sh: no such file or directory: unknown'


def clone(*statuses: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return pod("web", *statuses, **{"policy": "Never", "phase": "Pending", **parts})


def failed_pull(count: int, text: str = TIMEOUT) -> dict[str, Any]:
    return event("Failed", f'Failed to pull image "prism/app:v1": {text}', at=2, count=count)


@pytest.mark.parametrize(
    ("made", "events", "step"),
    [
        (clone(waiting("app"), node=""), [], "waiting for a node"),
        (clone(waiting("app")), [], "scheduled on node node-1"),
        (clone(waiting("app")), [event("Pulling", 'Pulling image "x"', at=1)], "image is being pulled"),
        (clone(waiting("app")), [event("Pulled", at=2), event("Pulling", at=1)], "image pulled"),
        (clone(waiting("app")), [event("Created", at=3), event("FailedMount", at=1)], "container created"),
        (clone(waiting("app", "PodInitializing"), inits=[running("prep")]), [], "init container prep runs"),
        (clone(waiting("app", "PodInitializing"), inits=[terminated("prep", 0)]), [], "scheduled on node node-1"),
        (clone(waiting("app", "ErrImagePull", TIMEOUT)), [], "image prism/app:v1 is not pulled"),
        (clone(waiting("app", "ImagePullBackOff", TIMEOUT)), [failed_pull(1)], "image prism/app:v1 is not pulled"),
        (clone(node="", conditions=UNSCHEDULABLE), [event("TriggeredScaleUp", "pod triggered scale-up")],
         "waiting for a new node"),
    ],
)  # fmt: skip
def test_what_may_still_start_is_described(made: dict[str, Any], events: Any, step: str) -> None:
    found = read_progress(made, "app", events)
    assert (found.step, found.failure, found.is_ready) == (step, "", False)


@pytest.mark.parametrize(
    "made",
    [
        clone(running("app"), phase="Running"),
        clone(running("app", ready=False), phase="Running"),
        clone(running("app"), inits=[terminated("prep", 0)], phase="Running"),
    ],
)
def test_a_running_container_is_ready_for_a_shell(made: dict[str, Any]) -> None:
    assert read_progress(made, "app").is_ready


@pytest.mark.parametrize(
    ("made", "events", "failure", "detail", "remedy"),
    [
        (clone(waiting("app", "ImagePullBackOff", NOT_FOUND)), [], "does not exist", NOT_FOUND, "image"),
        (clone(waiting("app", "ErrImagePull", "")), [failed_pull(1, "manifest unknown")], "does not exist",
         'Failed to pull image "prism/app:v1": manifest unknown', "image"),
        (clone(waiting("app", "ErrImagePull", REFUSED)), [], "the registry refuses image prism/app:v1", REFUSED,
         "give service account default in namespace prism a pull secret for this registry, or use --image"),
        (clone(waiting("app", "ErrImagePull", HUB)), [], "the registry refuses image", HUB, "give service account"),
        (clone(waiting("app", "InvalidImageName", INVALID)), [], "be used (InvalidImageName)", INVALID, "--image"),
        (clone(waiting("app", "ImagePullBackOff", TIMEOUT)), [failed_pull(2)], "could not be pulled, twice", TIMEOUT,
         "check that the nodes reach the registry"),
        (clone(waiting("app", "CreateContainerConfigError", 'configmap "nope" not found')), [],
         "container app cannot be made (CreateContainerConfigError)", 'configmap "nope" not found', "kdebug plan"),
        (clone(waiting("app", "CreateContainerConfigError", ROOT)), [], "cannot be made", ROOT, "--image IMAGE with"),
        (clone(waiting("app", "RunContainerError", "no space left")), [], "cannot be made", "no space left", ""),
        (clone(terminated("app", 3), phase="Failed"), [], "ended before the clone was ready (exit code 3)", "", ""),
        (clone(terminated("app", 0), phase="Succeeded"), [], "ended before the clone was ready (exit code 0)", "", ""),
        (clone(terminated("app", 137, reason="OOMKilled"), phase="Failed"), [], "(OOMKilled, exit code 137 (SIGKILL))",
         "", ""),
        (clone(terminated("app", 128, reason="StartError", message=NO_SHELL), phase="Failed"), [],
         "(StartError, exit code 128", NO_SHELL, "image"),
        (clone(waiting("app", "PodInitializing"), inits=[terminated("prep", 2)], phase="Failed"), [],
         "container prep ended before the clone was ready (exit code 2)", "", ""),
        (clone(waiting("app", "PodInitializing"), inits=[waiting("prep", "ErrImagePull", "not found")]), [],
         "image prism/prep:v1 does not exist", "not found", "check the image of init container prep"),
        (clone(phase="Failed", reason="Evicted", message="The node was low on resource: memory."), [],
         "ended before it was ready (Evicted)", "The node was low on resource: memory.", "kubectl describe nodes"),
        (clone(phase="Failed", reason="OutOfcpu", message="Node didn't have enough resource: cpu"), [],
         "(OutOfcpu)", "Node didn't have enough resource: cpu", "kubectl describe nodes"),
        (clone(waiting("app"), deleted=True), [], "was deleted while it started", "", ""),
        (clone(running("app"), deleted=True, phase="Running"), [], "was deleted while it started", "", ""),
    ],
)  # fmt: skip
def test_what_cannot_start_is_final_at_once_in_the_server_s_words(
    made: dict[str, Any], events: Any, failure: str, detail: str, remedy: str
) -> None:
    found = read_progress(made, "app", events)
    assert failure in found.failure
    assert (found.detail, found.grace_seconds, found.is_ready) == (detail, 0.0, False)
    assert found.is_image_missing is (remedy == "image")
    if remedy != "image":
        assert found.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("made", "events", "failure", "grace"),
    [
        (clone(node="", conditions=UNSCHEDULABLE), [], "no node accepts the clone", 5.0),
        (clone(waiting("app")), [event("FailedMount", 'secret "nope" not found')], "volumes cannot be mounted", 5.0),
        (clone(waiting("app")), [event("FailedCreatePodSandBox", "no IP")], "the node cannot set the clone up", 15.0),
        (clone(waiting("app", "CreateContainerConfigError", "failed to sync configmap cache: timed out")), [],
         "container app cannot be made", 5.0),
    ],
)  # fmt: skip
def test_what_may_pass_has_a_grace(made: dict[str, Any], events: Any, failure: str, grace: float) -> None:
    found = read_progress(made, "app", events)
    assert failure in found.failure
    assert found.grace_seconds == grace


def test_a_mount_that_failed_once_and_then_worked_is_past() -> None:
    events = [event("FailedMount", "secret not found", at=1), event("Pulling", "Pulling image", at=2)]
    assert read_progress(clone(waiting("app")), "app", events).failure == ""


def test_the_container_whose_log_says_more_is_named() -> None:
    assert read_progress(clone(terminated("app", 3)), "app").ended == "app"
    assert read_progress(clone(terminated("app", 128, reason="StartError")), "app").ended == ""


def test_the_server_s_words_are_safe_to_show() -> None:
    made = clone(waiting("app", "CreateContainerError", "\x1b]0;x\x07evil\x1b[2J"))
    assert read_progress(made, "app").detail == "evil"
