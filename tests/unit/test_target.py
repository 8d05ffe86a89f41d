"""Which container and which pod are meant, and what a manifest file may hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kdebug.domain.state import is_failing, word_of
from kdebug.domain.target import (
    choose_container,
    from_manifest,
    is_object_name,
    severity,
    target_of,
    workload_of,
    worst,
)
from kdebug.errors import TargetError
from tests.support.pods import UNSCHEDULABLE, event, looping, pod, running, terminated, waiting

DEFAULT = {"kubectl.kubernetes.io/default-container": "app"}


@pytest.mark.parametrize(
    ("made", "wanted", "chosen"),
    [
        (pod("web", running("app"), looping("proxy")), "app", "app"),
        (pod("web", running("app"), looping("proxy"), annotations=DEFAULT), "", "app"),
        (pod("web", running("app"), looping("proxy")), "", "proxy"),
        (pod("web", running("app"), running("proxy")), "", "app"),
        (pod("web", running("app"), running("proxy", ready=False)), "", "proxy"),
        (pod("web", running("app", ready=False), looping("proxy")), "", "proxy"),
        (pod("web", running("app"), annotations={"kubectl.kubernetes.io/default-container": "no-such"}), "", "app"),
        (pod("web", waiting("app", "PodInitializing"), inits=[terminated("prep", 2)]), "", "prep"),
        (pod("web", running("app"), inits=[terminated("prep", 0)]), "prep", "prep"),
    ],
)
def test_the_container_is_the_wanted_the_annotated_the_failing_or_the_first(
    made: dict[str, Any], wanted: str, chosen: str
) -> None:
    assert choose_container(made, wanted) == chosen


def test_an_unknown_container_is_answered_with_those_there_are() -> None:
    made = pod("web", running("app"), inits=[terminated("prep", 0)])
    with pytest.raises(TargetError, match="has no container 'nope'") as caught:
        choose_container(made, "nope")
    assert caught.value.because == "its containers are: prep, app"


def test_a_pod_without_containers_is_an_error() -> None:
    with pytest.raises(TargetError, match="pod web has no containers"):
        choose_container(pod("web"))


def test_the_worst_pod_fails_then_stays_then_has_most_restarts_then_is_newest() -> None:
    best_to_worst = [
        pod("healthy-old", running(restarts=50)),
        pod("leaving", looping(restarts=90), deleted=True),
        pod("failing", looping(restarts=2), created="2026-11-24T05:00:00Z"),
        pod("failing-newer", looping(restarts=2), created="2026-11-24T05:30:00Z"),
        pod("failing-more", looping(restarts=3), created="2026-11-24T04:00:00Z"),
    ]
    shuffled = [best_to_worst[index] for index in (3, 0, 4, 2, 1)]
    assert sorted(shuffled, key=severity) == best_to_worst
    assert worst(best_to_worst)["metadata"]["name"] == "failing-more"


@pytest.mark.parametrize(
    ("made", "word", "failing"),
    [
        (pod("web", looping()), "CrashLoopBackOff", True),
        (pod("web", terminated(code=101, restarts=2)), "CrashLoopBackOff", True),
        (pod("web", terminated(code=101, restarts=2), policy="Never"), "Error", True),
        (pod("web", terminated(code=137, reason="OOMKilled")), "OOMKilled", True),
        (pod("web", terminated(code=0), phase="Succeeded", policy="Never"), "Completed", False),
        (pod("web", terminated(code=0, restarts=3)), "CrashLoopBackOff", True),
        (pod("web", terminated(code=0, restarts=1), policy="OnFailure", phase="Succeeded"), "Completed", False),
        (pod("web", waiting(reason="ImagePullBackOff")), "ImagePullBackOff", True),
        (pod("web", waiting(reason="CreateContainerConfigError")), "CreateContainerConfigError", True),
        (pod("web", waiting(), phase="Pending"), "ContainerCreating", False),
        (pod("web", phase="Pending", node="", conditions=UNSCHEDULABLE), "Unschedulable", True),
        (pod("web", phase="Failed", reason="Evicted"), "Evicted", True),
        (pod("web", running(), phase="Running"), "Running", False),
        (pod("web", running(ready=False), phase="Running"), "NotReady", True),
        (pod("web", running(), phase="Running", deleted=True), "Terminating", False),
        (pod("web", looping(), phase="Running", deleted=True), "CrashLoopBackOff", True),
        (pod("web", waiting(reason="PodInitializing"), inits=[looping("prep", 2)]), "Init:CrashLoopBackOff", True),
        (pod("web", running(), phase="Running", inits=[terminated("prep", 0)]), "Running", False),
        (pod("web", running(), inits=[running("mesh", ready=False) | {"sidecar": True}]), "NotReady", True),
        (pod("web", phase="Running"), "Running", False),
    ],
)
def test_the_state_in_one_word(made: dict[str, Any], word: str, failing: bool) -> None:
    assert (word_of(made), is_failing(made)) == (word, failing)


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ({}, "pod/web"),
        ({"owner": ("StatefulSet", "db")}, "statefulset/db"),
        ({"owner": ("ReplicaSet", "web-5d4f"), "labels": {"pod-template-hash": "5d4f"}}, "deployment/web"),
        ({"owner": ("ReplicaSet", "web-5d4f")}, "replicaset/web-5d4f"),
        ({"owner": ("Job", "migrate-20240101")}, "job/migrate-20240101"),
        ({"owner": ("Node", "node-1")}, "pod/web"),
    ],
)
def test_the_workload_is_read_from_the_pod_alone(parts: dict[str, Any], title: str) -> None:
    assert workload_of(pod("web", running(), **parts)) == title


def test_a_target_knows_its_container_and_changes_nothing() -> None:
    made = pod("web", running("app"), looping("proxy"))
    before = copy.deepcopy(made)
    target = target_of(made)
    assert (target.title, target.namespace, target.uid, target.container) == (
        "pod/web",
        "prism",
        "uid-Pod-web",
        "proxy",
    )
    assert target.container_spec == {"name": "proxy", "image": "prism/proxy:v1"}
    assert made == before


@pytest.mark.parametrize(
    ("text", "is_name", "is_prefix"),
    [
        ("prism-proxy", True, True),
        ("prism-", False, True),
        ("a" * 253, True, True),
        ("a" * 254, False, False),
        ("", False, False),
        ("a/b", False, False),
        ("..", False, False),
        ("a%2e", False, False),
        ("Prism", False, False),
        ("a\n", False, False),
        ("a\x1b[31m", False, False),
        ("prîsm", False, False),
    ],
)
def test_names(text: str, is_name: bool, is_prefix: bool) -> None:
    assert is_object_name(text) is is_name
    assert is_object_name(text, is_prefix=True) is is_prefix


TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "prism/web:v1"}]}}


def workload(kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "uid": "u1"}, "spec": spec}


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "Pod", "metadata": {"name": "web", "uid": "u1"}, "spec": TEMPLATE["spec"]},
        workload("Deployment", template=TEMPLATE),
        workload("Job", template=TEMPLATE),
        workload("CronJob", jobTemplate={"spec": {"template": TEMPLATE}}),
        {
            "kind": "List",
            "items": [{"kind": "Service", "metadata": {"name": "web"}}, workload("DaemonSet", template=TEMPLATE)],
        },
        [workload("StatefulSet", template=TEMPLATE), {"kind": "ConfigMap", "metadata": {"name": "x"}}, None],
    ],
)
def test_a_manifest_becomes_a_target_without_a_uid(document: Any) -> None:
    before = copy.deepcopy(document)
    target = from_manifest(document, namespace="prism", container="app")
    assert (target.title, target.namespace, target.uid) == ("pod/web", "prism", "")
    assert target.manifest["kind"] == "Pod"
    assert target.container_spec["image"] == "prism/web:v1"
    assert "uid" not in target.manifest["metadata"]
    assert target.because
    assert document == before


def test_the_manifest_s_own_namespace_wins() -> None:
    document = workload("Deployment", template=TEMPLATE)
    document["metadata"]["namespace"] = "other"
    assert from_manifest(document, namespace="prism").namespace == "other"


def test_a_generated_name_is_shown_without_its_hyphen() -> None:
    document = {"kind": "Job", "metadata": {"generateName": "load-"}, "spec": {"template": TEMPLATE}}
    assert from_manifest(document, namespace="prism").name == "load"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "holds 0 pods"),
        (None, "holds 0 pods"),
        (5, "holds 0 pods"),
        ({"kind": ["Pod"]}, "holds 0 pods"),
        ({"kind": "Pod", "metadata": "x", "spec": []}, "has no containers"),
        ("text", "holds 0 pods"),
        ({"kind": "Service", "metadata": {"name": "x"}}, "holds 0 pods"),
        ([workload("Deployment", template=TEMPLATE)] * 2, "holds 2 pods"),
        (workload("Deployment"), "has no containers"),
        (workload("Deployment", template={"spec": {"containers": "abc"}}), "cannot be read"),
        (
            workload("Deployment", template={"spec": {"containers": [{"image": "x"}]}}),
            "missing, wrong or repeated name",
        ),
        (workload("Deployment", template={"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}), "repeated name"),
        (workload("Deployment", template={"spec": {"containers": [{"name": "a", "env": {}}]}}), "cannot be read"),
        (workload("Deployment", template={"spec": {"volumes": {}, "containers": [{"name": "a"}]}}), "cannot be read"),
        ({"kind": "Pod", "metadata": {"name": "a" * 254}, "spec": TEMPLATE["spec"]}, "name that no pod can have"),
        ({"kind": "Pod", "metadata": {"name": "a\x1b[2J"}, "spec": TEMPLATE["spec"]}, "name that no pod can have"),
    ],
)
def test_a_manifest_that_is_not_one_pod_is_an_error(document: Any, words: str) -> None:
    with pytest.raises(TargetError, match=words) as caught:
        from_manifest(document, namespace="prism")
    assert "\x1b" not in caught.value.what


def test_an_event_is_no_target() -> None:
    with pytest.raises(TargetError, match="holds 0 pods"):
        from_manifest(event("BackOff"), namespace="prism")
