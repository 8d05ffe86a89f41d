"""On a real cluster: each kind of name leads to the failing pod; a clone that cannot start is named in seconds."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdebug.cluster.connect import connect
from kdebug.cluster.kubeconfig import Selection, load
from kdebug.domain.diagnosis import diagnose
from kdebug.domain.kinds import NAMESPACE, POD, uid_of
from kdebug.domain.state import is_failing
from kdebug.errors import CloneNotStartedError, TargetError
from kdebug.session.events import CloneProgressed, Event
from kdebug.session.port import Cluster
from kdebug.session.readiness import await_clone
from kdebug.session.resolve import TargetRequest, read_evidence, resolve
from tests.support.prism import IMAGE, deployment

pytestmark = pytest.mark.cluster

REMEDY = "docker build --target debug -t prism/kafka-publisher:v0.3.0-debug ."
SLEEPER = {"name": "app", "image": "busybox:1", "command": ["sleep", "600"]}


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    """Return the real cluster, as its administrator."""
    selection = Selection(kubeconfig=str(kubeconfig))
    made = connect(load(selection, {}, Path("/nonexistent")), {}, user_agent="kdebug-test", request_timeout=20.0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """Return a namespace with a Deployment, a StatefulSet, a Job and a CronJob's Job, all of whose pods have failed."""
    name = f"h-target-{secrets.token_hex(3)}"
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        make_workloads(cluster, name)
        until_all_fail(cluster, name, count=4)
        yield name
    finally:
        cluster.delete(NAMESPACE, name, "", uid=uid_of(made))


def make_workloads(cluster: Cluster, namespace: str) -> None:
    template = {"restartPolicy": "Never", "containers": [{"name": "proxy", "image": IMAGE}]}
    lasting = {"containers": template["containers"]}
    labels = {"app": "db"}
    cluster.create(deployment(namespace))
    cluster.create(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": namespace},
            "spec": {
                "serviceName": "db",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": lasting},
            },
        }
    )
    job = {"backoffLimit": 0, "template": {"spec": template}}
    cron_job = cluster.create(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "backup", "namespace": namespace},
            "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}},
        }
    )
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "backup", "uid": uid_of(cron_job), "controller": True}
    for name, metadata in (("migrate", {}), ("backup-29384756", {"ownerReferences": [owner]})):
        cluster.create(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "namespace": namespace, **metadata},
                "spec": job,
            }
        )


def until_all_fail(cluster: Cluster, namespace: str, *, count: int) -> None:
    """Watch until so many pods of the namespace fail with Rust's exit code."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        listing = cluster.list(POD, namespace)
        failing = [pod for pod in listing.items if is_failing(pod) and diagnose(pod, "proxy").exit_code == 101]
        if len(failing) >= count:
            return
        for _ in cluster.watch(POD, namespace, resource_version=listing.resource_version, seconds=2.0):
            break
    pytest.fail(f"only {len(failing)} of {count} pods fail")


@pytest.mark.parametrize(
    ("name", "workload", "prefix"),
    [
        ("deploy/prism-proxy", "deployment/prism-proxy", "prism-proxy-"),
        ("prism-proxy", "deployment/prism-proxy", "prism-proxy-"),
        ("prism-prox", "deployment/prism-proxy", "prism-proxy-"),
        ("sts/db", "statefulset/db", "db-0"),
        ("db-0", "statefulset/db", "db-0"),
        ("job/migrate", "job/migrate", "migrate-"),
        ("cronjob/backup", "cronjob/backup", "backup-29384756-"),
        ("backup", "cronjob/backup", "backup-29384756-"),
    ],
)
def test_a_name_leads_to_its_failing_pod(
    cluster: Cluster, namespace: str, name: str, workload: str, prefix: str
) -> None:
    target = resolve(cluster, TargetRequest(namespace=namespace, name=name))
    assert target.name.startswith(prefix)
    assert target.workload == workload
    assert target.container == "proxy"


def test_the_failure_is_named_in_one_line(cluster: Cluster, namespace: str) -> None:
    target = resolve(cluster, TargetRequest(namespace=namespace, selector="app=prism-proxy"))
    evidence = read_evidence(cluster, target)
    found = diagnose(target.manifest, target.container, evidence.log_tail, evidence.previous_log, evidence.events)
    assert evidence.unread == ()
    assert "exit code 101 (Rust panic)" in found.summary
    assert "thread 'main' panicked at proxy/src/main.rs" in found.summary
    assert found.summary.endswith("called `Result::unwrap()` on an `Err` value: NotPresent")


def test_an_unknown_name_is_answered_with_the_nearest(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(cluster, TargetRequest(namespace=namespace, name="prism-prxy"))
    assert "deployment/prism-proxy" in caught.value.because


def test_a_name_of_another_namespace_is_found_there(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(cluster, TargetRequest(namespace="default", name="db-0"))
    assert namespace in caught.value.because


def start(cluster: Cluster, namespace: str, name: str, container: dict[str, Any], **spec: Any) -> list[Event]:
    """Make a pod and wait for it as for a clone."""
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "containers": [{**SLEEPER, **container}],
                **spec,
            },
        }
    )
    told: list[Event] = []
    await_clone(
        cluster, namespace, name, "app", seconds=40.0, clock=time.monotonic, emit=told.append, image_remedy=REMEDY
    )
    return told


def test_a_clone_that_starts_is_told_step_by_step(cluster: Cluster, namespace: str) -> None:
    told = start(cluster, namespace, "starts", {})
    assert "scheduled on node" in " ".join(event.step for event in told if isinstance(event, CloneProgressed))


@pytest.mark.parametrize(
    ("name", "container", "spec", "what", "because", "remedy", "seconds"),
    [
        ("missing", {"image": "prism/kafka-publisher:v0.3.0-debug"}, {}, "does not exist in its registry",
         "prism/kafka-publisher:v0.3.0-debug: not found", REMEDY, 10),
        ("invalid", {"image": "Prism/UPPER:x"}, {}, "InvalidImageName", "must be lowercase", "--image", 10),
        ("no-config", {"envFrom": [{"configMapRef": {"name": "nope"}}]}, {}, "CreateContainerConfigError",
         'configmap "nope" not found', "kdebug plan", 10),
        ("root", {"securityContext": {"runAsNonRoot": True}}, {}, "CreateContainerConfigError",
         "image will run as root", "--image IMAGE", 10),
        ("no-command", {"command": ["/nope"]}, {}, "StartError", "no such file or directory", REMEDY, 10),
        ("ends", {"command": ["sh", "-c", "echo bye; exit 3"]}, {}, "exit code 3", "bye", "", 10),
        ("no-node", {}, {"nodeSelector": {"no": "such"}}, "no node accepts the clone", "nodes are available",
         "kubectl describe nodes", 12),
        ("no-mount", {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
         {"volumes": [{"name": "v", "secret": {"secretName": "nope"}}]}, "volumes cannot be mounted",
         'secret "nope" not found', "kdebug plan", 15),
    ],
)  # fmt: skip
def test_a_clone_that_cannot_start_is_named_within_seconds(
    cluster: Cluster, namespace: str, name: str, container: dict[str, Any], spec: dict[str, Any],
    what: str, because: str, remedy: str, seconds: int,
) -> None:  # fmt: skip
    began = time.monotonic()
    with pytest.raises(CloneNotStartedError) as caught:
        start(cluster, namespace, name, container, **spec)
    assert what in caught.value.what
    assert because in caught.value.because
    assert caught.value.remedy.startswith(remedy)
    assert time.monotonic() - began < seconds
