"""What the kubelet makes of a pod: it runs, fails, waits, ends; and what the target looks like."""

from __future__ import annotations

from typing import Any

from kdebug.demo.cluster import EmbeddedCluster
from tests.demo.client import JSON_PATCH, Client
from tests.demo.objects import CONFIG_MAPS, PODS, config_map, pod

TARGET = "/api/v1/namespaces/prism/pods/prism-proxy-pod"


def state_of(api: Client, path: str) -> dict[str, Any]:
    status = api("GET", path).body["status"]
    found: dict[str, Any] = status["containerStatuses"][0]["state"]
    return found


def started(api: Client, cluster: EmbeddedCluster, manifest: dict[str, Any], seconds: float = 2.0) -> dict[str, Any]:
    reply = api("POST", PODS, manifest)
    assert reply.status == 201, reply.body
    cluster.clock.advance(seconds)
    found: dict[str, Any] = api("GET", f"{PODS}/{manifest['metadata']['name']}").body
    return found


def test_a_pod_is_created_then_runs(cluster: EmbeddedCluster, api: Client) -> None:
    made = api("POST", PODS, pod()).body
    assert made["status"]["phase"] == "Pending"
    cluster.clock.advance(0.2)
    assert state_of(api, f"{PODS}/p") == {"waiting": {"reason": "ContainerCreating"}}
    cluster.clock.advance(1)
    status = api("GET", f"{PODS}/p").body["status"]
    assert status["phase"] == "Running"
    assert {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"


def test_a_deleted_pod_terminates_then_goes(cluster: EmbeddedCluster, api: Client) -> None:
    started(api, cluster, pod())
    going = api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 2, "propagationPolicy": "Background"}).body
    assert going["metadata"]["deletionGracePeriodSeconds"] == 2
    assert api("GET", f"{PODS}/p").status == 200
    cluster.clock.advance(2)
    assert api("GET", f"{PODS}/p").status == 404


def test_a_pod_that_no_node_has_yet_goes_at_once(api: Client) -> None:
    api("POST", PODS, pod(nodeSelector={"disk": "ssd"}))
    assert api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 30}).status == 200
    assert api("GET", f"{PODS}/p").status == 404


def test_the_hard_cap_ends_a_pod_and_may_be_moved(cluster: EmbeddedCluster, api: Client) -> None:
    started(api, cluster, pod(activeDeadlineSeconds=60))
    patch = [{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 30}]
    assert api("PATCH", f"{PODS}/p", patch, content_type=JSON_PATCH).status == 200
    cluster.clock.advance(27)
    assert api("GET", f"{PODS}/p").body["status"]["phase"] == "Running"
    cluster.clock.advance(3)
    status = api("GET", f"{PODS}/p").body["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_an_image_that_does_not_exist_is_named_with_the_registry_s_words(cluster: EmbeddedCluster, api: Client) -> None:
    found = started(api, cluster, pod(image="prism/kafka-publisher:v0.3.0-debug"))
    waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "ErrImagePull"
    assert "docker.io/prism/kafka-publisher:v0.3.0-debug: not found" in waiting["message"]
    cluster.clock.advance(15)
    assert state_of(api, f"{PODS}/p")["waiting"]["reason"] == "ImagePullBackOff"
    events = api("GET", PODS.replace("pods", "events"), fieldSelector="involvedObject.name=p,type=Warning").body[
        "items"
    ]
    assert any(event["message"].startswith("Failed to pull image") for event in events)
    assert "trying and failing to pull image" in api("GET", f"{PODS}/p/log").message


def test_a_missing_config_map_is_waited_for(cluster: EmbeddedCluster, api: Client) -> None:
    manifest = pod()
    manifest["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "late"}}]
    found = started(api, cluster, manifest)
    waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
    api("POST", CONFIG_MAPS, config_map("late"))
    cluster.clock.advance(11)
    assert "running" in state_of(api, f"{PODS}/p")


def test_a_missing_secret_volume_keeps_the_pod_creating(cluster: EmbeddedCluster, api: Client) -> None:
    manifest = pod(volumes=[{"name": "v", "secret": {"secretName": "none"}}])
    found = started(api, cluster, manifest)
    assert found["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    events = api("GET", PODS.replace("pods", "events"), fieldSelector="reason=FailedMount").body["items"]
    assert events[0]["message"] == 'MountVolume.SetUp failed for volume "v" : secret "none" not found'


def test_a_command_that_the_image_lacks_is_a_start_error(cluster: EmbeddedCluster, api: Client) -> None:
    found = started(api, cluster, pod(image="prism/proxy:v1.2.3"))
    ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (found["status"]["phase"], ended["exitCode"], ended["reason"]) == ("Failed", 128, "StartError")
    assert 'exec: "/busybox/sh": stat /busybox/sh: no such file or directory' in ended["message"]


def test_a_pod_that_fits_no_node_says_why(cluster: EmbeddedCluster, api: Client) -> None:
    found = started(api, cluster, pod(nodeSelector={"disk": "ssd"}))
    scheduled = found["status"]["conditions"][0]
    assert (scheduled["reason"], scheduled["status"]) == ("Unschedulable", "False")
    assert scheduled["message"].startswith(
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    )


def test_init_containers_run_first(cluster: EmbeddedCluster, api: Client) -> None:
    manifest = pod()
    init = {**manifest["spec"]["containers"][0], "name": "i", "command": ["/busybox/sleep", "5"]}
    manifest["spec"]["initContainers"] = [init]
    found = started(api, cluster, manifest)
    assert found["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    cluster.clock.advance(5)
    found = api("GET", f"{PODS}/p").body
    assert found["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert found["status"]["phase"] == "Running"


def test_the_original_command_ends_as_the_target_did(cluster: EmbeddedCluster, api: Client) -> None:
    found = started(api, cluster, pod(command=["/usr/local/bin/prism-proxy"]))
    ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (found["status"]["phase"], ended["exitCode"]) == ("Failed", 101)
    log = api("GET", f"{PODS}/p/log").body
    assert "thread 'main' panicked at proxy/src/main.rs:142:47:\n" in log


def test_the_target_is_in_a_crash_loop_with_a_past(api: Client) -> None:
    target = api("GET", TARGET).body
    status = target["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 101
    assert status["restartCount"] == 7
    assert target["metadata"]["creationTimestamp"] < "2026-01-01T12:00:00Z"
    for query in ({}, {"previous": "true"}):
        log = api("GET", f"{TARGET}/log", tailLines="3", **query).body
        assert log.startswith("thread 'main' panicked at proxy/src/main.rs:142:47:\n")
    events = api(
        "GET", "/api/v1/namespaces/prism/events", fieldSelector=f"involvedObject.uid={target['metadata']['uid']}"
    )
    counts = {event["reason"]: event["count"] for event in events.body["items"]}
    assert counts["BackOff"] == 7


def test_the_target_crashes_again_when_its_back_off_is_over(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.clock.advance(400)
    assert api("GET", TARGET).body["status"]["containerStatuses"][0]["restartCount"] == 8


def test_the_deployment_owns_its_pod(api: Client) -> None:
    pods = api("GET", "/api/v1/namespaces/prism/pods", labelSelector="app=prism-proxy,pod-template-hash").body["items"]
    owner = pods[0]["metadata"]["ownerReferences"][0]
    replicas = api("GET", f"/apis/apps/v1/namespaces/prism/replicasets/{owner['name']}").body
    assert replicas["metadata"]["uid"] == owner["uid"]
    assert replicas["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
