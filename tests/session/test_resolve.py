"""From a name to one pod: the worst, with the reason, in few requests, and with an answer where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.errors import DeniedError, TargetError, UsageError
from kdebug.session.resolve import TargetRequest, read_evidence, resolve, validate_name
from tests.support.memory_cluster import MemoryCluster
from tests.support.pods import event, looping, pod, running, terminated

HASH = {"app": "prism-proxy", "pod-template-hash": "5d4f"}
OF_SET = ("ReplicaSet", "prism-proxy-5d4f")


def workload(kind: str, name: str, labels: dict[str, str], **metadata: Any) -> dict[str, Any]:
    version = "batch/v1" if "Job" in kind else "apps/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "prism", "labels": labels, **metadata},
        "spec": {"selector": {"matchLabels": labels}},
    }


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": f"uid-{kind}-{name}", "controller": True}]


def proxy(name: str, *statuses: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return pod(name, *(statuses or (looping("proxy"),)), **{"owner": OF_SET, "labels": HASH, **parts})


@pytest.fixture
def cluster() -> MemoryCluster:
    """A Deployment with one healthy pod and two failing ones, a StatefulSet, a CronJob with two Jobs, and more."""
    made = MemoryCluster()
    made.add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prism"}},
        workload("Deployment", "prism-proxy", {"app": "prism-proxy"}),
        workload("ReplicaSet", "prism-proxy-5d4f", HASH, ownerReferences=owned("Deployment", "prism-proxy")),
        proxy("prism-proxy-5d4f-aaaaa", running("proxy", restarts=40), phase="Running"),
        proxy("prism-proxy-5d4f-bbbbb", looping("proxy", restarts=3)),
        proxy("prism-proxy-5d4f-ccccc", looping("proxy", restarts=9)),
        # Selected by the Deployment's labels, but not its own.
        pod("lookalike", looping("proxy", restarts=99), labels={"app": "prism-proxy"}),
        workload("StatefulSet", "db", {"app": "db"}),
        pod("db-0", running("db"), owner=("StatefulSet", "db"), labels={"app": "db"}),
        workload("DaemonSet", "agent", {"app": "agent"}),
        workload("CronJob", "backup", {}),
        workload("Job", "backup-29384756", {"job": "1"}, ownerReferences=owned("CronJob", "backup"),
                 creationTimestamp="2026-11-24T04:00:00Z"),
        workload("Job", "backup-29384816", {"job": "2"}, ownerReferences=owned("CronJob", "backup"),
                 creationTimestamp="2026-11-24T05:00:00Z"),
        pod("backup-29384756-x", terminated(code=9), owner=("Job", "backup-29384756"), labels={"job": "1"}),
        pod("backup-29384816-y", terminated(code=2), owner=("Job", "backup-29384816"), labels={"job": "2"}),
        pod("elsewhere", running(), namespace="other"),
    )  # fmt: skip
    return made


def ask(cluster: MemoryCluster, name: str = "", **parts: Any) -> Any:
    return resolve(cluster, TargetRequest(**{"namespace": "prism", "name": name, **parts}))


@pytest.mark.parametrize("name", ["db-0", "pod/db-0", "pods/db-0", "PO/db-0"])
def test_an_exact_pod_is_one_request(cluster: MemoryCluster, name: str) -> None:
    target = ask(cluster, name)
    assert (target.name, target.workload, target.because) == ("db-0", "statefulset/db", "")
    assert cluster.requests == ["get pods prism/db-0"]


@pytest.mark.parametrize(
    ("name", "chosen", "title"),
    [
        ("deploy/prism-proxy", "prism-proxy-5d4f-ccccc", "deployment/prism-proxy"),
        ("deployments.apps/prism-proxy", "prism-proxy-5d4f-ccccc", "deployment/prism-proxy"),
        ("rs/prism-proxy-5d4f", "prism-proxy-5d4f-ccccc", "replicaset/prism-proxy-5d4f"),
        ("sts/db", "db-0", "statefulset/db"),
        ("job/backup-29384756", "backup-29384756-x", "job/backup-29384756"),
        ("cj/backup", "backup-29384816-y", "cronjob/backup"),
        ("backup", "backup-29384816-y", "cronjob/backup"),
        ("back", "backup-29384816-y", "cronjob/backup"),
        ("prism-proxy", "prism-proxy-5d4f-ccccc", "deployment/prism-proxy"),
        ("prism-prox", "prism-proxy-5d4f-ccccc", "deployment/prism-proxy"),
        ("prism-proxy-5d4f-b", "prism-proxy-5d4f-bbbbb", "deployment/prism-proxy"),
        ("db", "db-0", "statefulset/db"),
    ],
)
def test_a_workload_or_a_prefix_means_its_worst_pod_and_says_so(
    cluster: MemoryCluster, name: str, chosen: str, title: str
) -> None:
    target = ask(cluster, name)
    assert (target.name, target.workload) == (chosen, title)
    assert title in target.because


def test_the_reason_names_the_choice(cluster: MemoryCluster) -> None:
    target = ask(cluster, "deploy/prism-proxy")
    choice = "the worst is prism-proxy-5d4f-ccccc (CrashLoopBackOff)"
    assert target.because == f"deployment/prism-proxy has 3 pods; {choice}"
    assert ask(cluster, "prism-prox").because == f"prism-prox is a prefix of 3 pods of deployment/prism-proxy; {choice}"


def test_a_newest_job_without_pods_gives_way_to_the_one_before(cluster: MemoryCluster) -> None:
    del cluster.objects["Pod", "prism", "backup-29384816-y"]
    target = ask(cluster, "cronjob/backup")
    assert target.name == "backup-29384756-x"
    assert "its newest Job with pods, job/backup-29384756" in target.because


def test_without_the_right_to_list_replica_sets_their_names_tell(cluster: MemoryCluster) -> None:
    cluster.denied.add(("list", "replicasets"))
    assert ask(cluster, "deploy/prism-proxy").name == "prism-proxy-5d4f-ccccc"


def test_a_selector_means_the_worst_of_one_workload(cluster: MemoryCluster) -> None:
    del cluster.objects["Pod", "prism", "lookalike"]
    target = ask(cluster, selector="app=prism-proxy")
    assert target.name == "prism-proxy-5d4f-ccccc"
    assert "app=prism-proxy selects 3 pods of deployment/prism-proxy" in target.because
    assert cluster.requests == ["list pods prism/app=prism-proxy"]


def test_pods_of_different_workloads_are_listed_with_their_states(cluster: MemoryCluster) -> None:
    with pytest.raises(TargetError) as caught:
        ask(cluster, selector="app=prism-proxy")
    lines = caught.value.because.splitlines()
    assert caught.value.what == "app=prism-proxy selects 4 pods of 2 different workloads, and one is needed"
    assert lines[0].split() == ["NAME", "STATE", "RESTARTS", "AGE", "WORKLOAD"]
    assert lines[1].split() == ["lookalike", "CrashLoopBackOff", "99", "20m", "pod/lookalike"]
    assert lines[4].split() == ["prism-proxy-5d4f-aaaaa", "Running", "40", "20m", "deployment/prism-proxy"]
    assert caught.value.remedy == "kdebug pod/lookalike -n prism"
    assert caught.value.exit_code == 4


def test_a_prefix_of_different_workloads_is_ambiguous(cluster: MemoryCluster) -> None:
    cluster.add(pod("prism-proxy-pod", looping()))
    with pytest.raises(TargetError, match="prism-prox is a prefix of 4 pods of 2 different workloads"):
        ask(cluster, "prism-prox")
    assert ask(cluster, "prism-proxy").workload == "deployment/prism-proxy"
    assert ask(cluster, "prism-proxy-pod").because == ""


def test_a_long_list_is_cut(cluster: MemoryCluster) -> None:
    cluster.add(*(pod(f"many-{index}", looping()) for index in range(30)))
    with pytest.raises(TargetError) as caught:
        ask(cluster, "many")
    assert caught.value.because.splitlines()[-1] == "and 10 more"


def test_nothing_found_names_the_nearest(cluster: MemoryCluster) -> None:
    with pytest.raises(TargetError, match="namespace prism has no pod or workload prism-prxy") as caught:
        ask(cluster, "prism-prxy")
    nearest = "deployment/prism-proxy, prism-proxy-5d4f-aaaaa, prism-proxy-5d4f-bbbbb"
    assert sorted(caught.value.because.removeprefix("the nearest names are: ").split(", ")) == nearest.split(", ")
    assert caught.value.remedy == "kdebug deployment/prism-proxy -n prism"


@pytest.mark.parametrize(
    ("name", "remedy"), [("elsewhere", "kdebug elsewhere -n other"), ("pod/elsewhere", "kdebug elsewhere -n other")]
)
def test_a_name_of_another_namespace_is_found_there(cluster: MemoryCluster, name: str, remedy: str) -> None:
    with pytest.raises(TargetError) as caught:
        ask(cluster, name)
    assert caught.value.because.startswith("elsewhere is in namespace other; here the nearest names are: ")
    assert caught.value.remedy == remedy


def test_without_the_right_to_look_elsewhere_only_this_namespace_is_named(cluster: MemoryCluster) -> None:
    cluster.denied.add(("list", "pods@"))
    with pytest.raises(TargetError) as caught:
        ask(cluster, "elsewhere")
    assert caught.value.because.startswith("the nearest names are: ")


def test_a_type_narrows_what_is_near(cluster: MemoryCluster) -> None:
    with pytest.raises(TargetError, match="namespace prism has no deployment/prism-prxy") as caught:
        ask(cluster, "deploy/prism-prxy")
    assert caught.value.because.startswith("the nearest names are: deployment/prism-proxy")


@pytest.mark.parametrize("name", ["ds/agent", "agent"])
def test_a_workload_without_pods_offers_its_manifest(cluster: MemoryCluster, name: str) -> None:
    with pytest.raises(TargetError, match="daemonset/agent has nothing to debug") as caught:
        ask(cluster, name)
    assert caught.value.remedy == "kubectl get daemonset/agent -n prism -o yaml | kdebug -f -"


def test_a_namespace_that_does_not_exist_is_said() -> None:
    with pytest.raises(TargetError) as caught:
        ask(MemoryCluster(), "web")
    assert caught.value.because == "there is no namespace prism"


def test_without_the_right_to_list_an_exact_name_still_works(cluster: MemoryCluster) -> None:
    cluster.denied.add(("list", "pods"))
    assert ask(cluster, "db-0").name == "db-0"
    with pytest.raises(TargetError, match="namespace prism has no pod prism-prox") as caught:
        ask(cluster, "prism-prox")
    assert 'cannot list resource "pods"' in caught.value.because
    assert caught.value.remedy == "give the pod's whole name, or ask for the right to list pods in namespace prism"


@pytest.mark.parametrize(
    ("denied", "parts", "right"),
    [
        (("get", "pods"), {"name": "db-0"}, "get pods in namespace prism"),
        (("list", "pods"), {"selector": "app=db"}, "list pods in namespace prism"),
        (("list", "pods"), {"name": "sts/db"}, "list pods in namespace prism"),
        (("get", "statefulsets"), {"name": "sts/db"}, "get statefulsets.apps in namespace prism"),
    ],
)
def test_a_missing_right_is_named(
    cluster: MemoryCluster, denied: tuple[str, str], parts: dict[str, str], right: str
) -> None:
    cluster.denied.add(denied)
    with pytest.raises(DeniedError) as caught:
        ask(cluster, **parts)
    assert caught.value.what == f"the target cannot be found without the right to {right}"
    assert "is forbidden" in caught.value.because
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "parts",
    [
        {"name": ""},
        {"name": " "},
        {"name": "a" * 254},
        {"name": "a\x00b"},
        {"name": "a\x1b[31mb"},
        {"name": "../secrets"},
        {"name": "a%2Fb"},
        {"name": "a?b"},
        {"name": "deploy/"},
        {"name": "deploy/a/b"},
        {"name": "secret/a"},
        {"name": "/a"},
        {"name": "Prism"},
        {"selector": ""},
        {"selector": " "},
        {"selector": "a=b\n"},
        {"name": "a", "selector": "a=b"},
        {"name": "a", "container": "a b"},
        {"name": "a", "namespace": ""},
        {"name": "a", "namespace": "x" * 64},
        {"name": "a", "namespace": "a/b"},
    ],
)
def test_what_cannot_be_a_name_is_refused_before_any_request(cluster: MemoryCluster, parts: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        ask(cluster, **parts)
    shown = caught.value.what + caught.value.because + caught.value.remedy
    assert shown.isprintable()
    assert cluster.requests == []


def test_a_name_in_capitals_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError) as caught:
        validate_name("Prism-Proxy")
    assert caught.value.remedy == "try prism-proxy"


def test_the_wanted_container_is_taken(cluster: MemoryCluster) -> None:
    assert ask(cluster, "db-0", container="db").container == "db"
    with pytest.raises(TargetError, match="no container 'nope'"):
        ask(cluster, "db-0", container="nope")


def test_evidence_is_the_log_the_log_before_and_the_events(cluster: MemoryCluster) -> None:
    name = "prism-proxy-5d4f-ccccc"
    cluster.log_texts = {(name, "proxy", False): "last", (name, "proxy", True): "before"}
    cluster.add(event("BackOff", of=name), event("BackOff", of="db-0"))
    found = read_evidence(cluster, ask(cluster, name))
    assert (found.log_tail, found.previous_log, found.unread) == ("last", "before", ())
    assert [item["involvedObject"]["name"] for item in found.events] == [name]


def test_evidence_that_may_not_be_read_is_said_and_fails_nothing(cluster: MemoryCluster) -> None:
    cluster.denied |= {("get", "pods/log"), ("list", "events")}
    found = read_evidence(cluster, ask(cluster, "prism-proxy-5d4f-ccccc"))
    assert (found.log_tail, found.previous_log, found.events) == ("", "", ())
    assert [line.partition(":")[0] for line in found.unread] == ["its log", "its previous log", "its events"]


def test_a_container_that_never_ran_is_not_asked_for_its_log(cluster: MemoryCluster) -> None:
    cluster.add(pod("new"))
    cluster.add(
        pod(
            "stuck", {**looping(), "state": {"waiting": {"reason": "ErrImagePull"}}, "lastState": {}, "restartCount": 0}
        )
    )
    target = ask(cluster, "stuck")
    cluster.requests.clear()
    read_evidence(cluster, target)
    assert [request.split()[0] for request in cluster.requests] == ["list"]
