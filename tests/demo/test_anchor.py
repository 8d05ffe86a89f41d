"""The server side of the lease: deadline, time to live, collection, and the traps on the way."""

from __future__ import annotations

from typing import Any

import pytest

from kdebug.demo.cluster import EmbeddedCluster
from tests.demo.client import JSON_PATCH, Client
from tests.demo.objects import CONFIG_MAPS, JOBS, PODS, config_map, job, pod

BACKGROUND = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}


def make(api: Client, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
    reply = api("POST", path, manifest)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.body
    return made


def status_of(api: Client, path: str) -> int:
    return api("GET", path).status


def conditions(answer: dict[str, Any]) -> dict[str, str]:
    return {item["type"]: item["reason"] for item in answer["status"].get("conditions", ()) if item["status"] == "True"}


def test_deadline_and_ttl_remove_the_anchor_and_its_children(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job(deadline=20, ttl=5))
    make(api, CONFIG_MAPS, config_map(owner=anchor))
    make(api, PODS, pod(owner=anchor))
    cluster.clock.advance(19)
    assert conditions(api("GET", f"{JOBS}/anchor").body) == {}
    cluster.clock.advance(1.5)
    failed = api("GET", f"{JOBS}/anchor").body
    assert conditions(failed) == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}
    assert status_of(api, f"{PODS}/p") == 200
    cluster.clock.advance(8)
    assert [status_of(api, path) for path in (f"{JOBS}/anchor", f"{CONFIG_MAPS}/child", f"{PODS}/p")] == [404, 404, 404]


def test_the_anchor_makes_no_pod_and_its_clock_starts_at_once(cluster: EmbeddedCluster, api: Client) -> None:
    make(api, JOBS, job())
    cluster.clock.advance(5)
    assert api("GET", PODS).body["items"] == []
    assert api("GET", f"{JOBS}/anchor").body["status"]["startTime"] == "2026-01-01T12:00:00Z"


def test_a_renewed_deadline_counts_from_the_start(cluster: EmbeddedCluster, api: Client) -> None:
    make(api, JOBS, job(deadline=20))
    cluster.clock.advance(15)
    patch = [{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 40}]
    assert api("PATCH", f"{JOBS}/anchor", patch, content_type=JSON_PATCH).status == 200
    cluster.clock.advance(24)
    assert conditions(api("GET", f"{JOBS}/anchor").body) == {}
    cluster.clock.advance(2)
    assert "Failed" in conditions(api("GET", f"{JOBS}/anchor").body)


def test_renewing_a_failed_anchor_succeeds_and_means_nothing(cluster: EmbeddedCluster, api: Client) -> None:
    make(api, JOBS, job(deadline=20, ttl=30))
    cluster.clock.advance(21)
    patch = [{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 4000}]
    renewed = api("PATCH", f"{JOBS}/anchor", patch, content_type=JSON_PATCH)
    assert renewed.status == 200
    assert "Failed" in conditions(renewed.body)
    cluster.clock.advance(32)
    assert status_of(api, f"{JOBS}/anchor") == 404


def test_a_renewal_with_the_wrong_uid_answers_422_and_changes_nothing(api: Client) -> None:
    make(api, JOBS, job())
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": "another"},
        {"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 4000},
    ]
    reply = api("PATCH", f"{JOBS}/anchor", patch, content_type=JSON_PATCH)
    assert (reply.status, reply.message) == (422, "the server rejected our request due to an error in our request")
    assert api("GET", f"{JOBS}/anchor").body["spec"]["activeDeadlineSeconds"] == 20


def test_a_suspended_job_never_expires_and_starts_over_when_resumed(cluster: EmbeddedCluster, api: Client) -> None:
    make(api, JOBS, job(suspend=True))
    cluster.clock.advance(10_000)
    assert conditions(api("GET", f"{JOBS}/anchor").body) == {"Suspended": "JobSuspended"}
    patch = [{"op": "replace", "path": "/spec/suspend", "value": False}]
    api("PATCH", f"{JOBS}/anchor", patch, content_type=JSON_PATCH)
    cluster.clock.advance(19)
    assert status_of(api, f"{JOBS}/anchor") == 200
    cluster.clock.advance(8)
    assert status_of(api, f"{JOBS}/anchor") == 404


def test_background_deletion_takes_the_children_with_it(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job())
    make(api, CONFIG_MAPS, config_map(owner=anchor))
    make(api, PODS, pod(owner=anchor))
    cluster.clock.advance(2)
    answer = api("DELETE", f"{JOBS}/anchor", BACKGROUND | {"preconditions": {"uid": anchor["metadata"]["uid"]}})
    assert (answer.status, answer.body["status"]) == (200, "Success")
    cluster.clock.advance(3)
    assert [status_of(api, path) for path in (f"{JOBS}/anchor", f"{CONFIG_MAPS}/child", f"{PODS}/p")] == [404, 404, 404]


@pytest.mark.parametrize("body", [None, {}])
def test_deleting_a_job_without_a_policy_leaves_its_children(cluster: EmbeddedCluster, api: Client, body: Any) -> None:
    anchor = make(api, JOBS, job())
    make(api, CONFIG_MAPS, config_map(owner=anchor))
    assert api("DELETE", f"{JOBS}/anchor", body).body["metadata"]["finalizers"] == ["orphan"]
    cluster.clock.advance(60)
    assert status_of(api, f"{JOBS}/anchor") == 404
    assert "ownerReferences" not in api("GET", f"{CONFIG_MAPS}/child").body["metadata"]


def test_a_policy_in_the_query_is_lost_beside_an_empty_body(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job())
    make(api, CONFIG_MAPS, config_map(owner=anchor))
    api("DELETE", f"{JOBS}/anchor", {}, propagationPolicy="Background")
    cluster.clock.advance(60)
    assert status_of(api, f"{CONFIG_MAPS}/child") == 200


def test_a_child_that_comes_too_late_is_collected(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job())
    api("DELETE", f"{JOBS}/anchor", BACKGROUND)
    cluster.clock.advance(5)
    make(api, CONFIG_MAPS, config_map(owner=anchor))
    cluster.clock.advance(1.1)
    assert status_of(api, f"{CONFIG_MAPS}/child") == 404


def test_a_child_of_a_namesake_is_collected(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job())
    stranger = {**anchor, "metadata": {**anchor["metadata"], "uid": "11111111-1111-1111-1111-111111111111"}}
    make(api, CONFIG_MAPS, config_map(owner=stranger))
    make(api, CONFIG_MAPS, config_map("mine", owner=anchor))
    cluster.clock.advance(2)
    assert [status_of(api, f"{CONFIG_MAPS}/{name}") for name in ("child", "mine")] == [404, 200]


@pytest.mark.parametrize(("path", "manifest"), [(JOBS, job("x")), (CONFIG_MAPS, config_map("x")), (PODS, pod("x"))])
def test_a_delete_with_the_wrong_uid_answers_409_and_touches_nothing(
    api: Client, path: str, manifest: dict[str, Any]
) -> None:
    made = make(api, path, manifest)
    wrong = "11111111-1111-1111-1111-111111111111"
    reply = api("DELETE", f"{path}/x", BACKGROUND | {"preconditions": {"uid": wrong}})
    assert (reply.status, reply.body["reason"]) == (409, "Conflict")
    assert (
        f"the UID in the precondition ({wrong}) does not match the UID in record ({made['metadata']['uid']})"
        in reply.message
    )
    kept = api("GET", f"{path}/x").body["metadata"]
    assert (kept["uid"], "deletionTimestamp" in kept) == (made["metadata"]["uid"], False)


def test_foreground_deletion_waits_for_the_children_that_block_it(cluster: EmbeddedCluster, api: Client) -> None:
    anchor = make(api, JOBS, job())
    child = pod(owner=anchor)
    child["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True
    make(api, PODS, child)
    cluster.clock.advance(2)
    api("DELETE", f"{JOBS}/anchor", {"propagationPolicy": "Foreground"})
    cluster.clock.advance(1.2)
    assert status_of(api, f"{JOBS}/anchor") == 200
    cluster.clock.advance(5)
    assert [status_of(api, path) for path in (f"{JOBS}/anchor", f"{PODS}/p")] == [404, 404]


def test_the_date_header_follows_the_cluster_s_clock(cluster: EmbeddedCluster, api: Client) -> None:
    cluster.clock.advance(3661)
    assert api("GET", JOBS).headers["Date"] == "Thu, 01 Jan 2026 13:01:01 GMT"


def test_a_deleted_namespace_ends_with_everything_in_it(cluster: EmbeddedCluster, api: Client) -> None:
    make(api, PODS, pod())
    cluster.clock.advance(2)
    assert api("DELETE", "/api/v1/namespaces/kdebug-isolated").body["status"]["phase"] == "Terminating"
    refused = api("POST", CONFIG_MAPS, config_map())
    assert (refused.status, refused.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    cluster.clock.advance(10)
    assert status_of(api, "/api/v1/namespaces/kdebug-isolated") == 404
    assert status_of(api, f"{PODS}/p") == 404
