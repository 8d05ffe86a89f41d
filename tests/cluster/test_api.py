"""What goes over the wire for each call of the port, and what comes back of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from kdebug.cluster.api import KubernetesCluster
from kdebug.cluster.clock import ServerClock
from kdebug.cluster.paths import path_of
from kdebug.cluster.proxy import proxy_for
from kdebug.domain.kinds import DEPLOYMENT, JOB, NODE, POD, ROLE
from kdebug.domain.rights import Access
from kdebug.errors import ConfigError, DeniedError, InvalidError, UnreachableError
from kdebug.session.port import Cluster
from tests.cluster.support import CountedCredentials, cluster_at
from tests.support.fake_api import FakeApi, answer, lines, silence, status, text


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Return a server without a script."""
    with FakeApi() as server:
        yield server


@pytest.fixture
def cluster(api: FakeApi) -> Iterator[KubernetesCluster]:
    """Return an adapter for the server."""
    adapter = cluster_at(api.url)
    yield adapter
    adapter.close()


def test_the_adapter_is_the_ports_cluster(cluster: KubernetesCluster) -> None:
    port: Cluster = cluster
    assert port is cluster


def test_impersonation_and_agent_go_on_every_request(api: FakeApi) -> None:
    groups = (("Impersonate-User", "ann"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    api.script = [answer({})]
    adapter = cluster_at(api.url, CountedCredentials(extra=groups))
    adapter.get(NODE, "n1")
    adapter.close()
    assert api.seen[0].header("Impersonate-Group") == ["a", "b"]
    assert api.seen[0].header("Impersonate-User") == ["ann"]
    assert api.seen[0].header("User-Agent") == ["kdebug/test"]
    assert api.seen[0].path == "/api/v1/nodes/n1"


@pytest.mark.parametrize("name", ["", ".", "..", "web/log", "web%2flog", "a\nb"])
def test_a_name_cannot_lead_to_another_path(api: FakeApi, cluster: KubernetesCluster, name: str) -> None:
    for call in (
        lambda: cluster.get(POD, name, "shop"),
        lambda: cluster.delete(POD, name, "shop", uid="u"),
        lambda: cluster.logs("shop", name, container="c"),
    ):
        with pytest.raises(InvalidError):
            call()
    assert api.seen == []


def test_paths_are_quoted_where_names_may_need_it() -> None:
    assert path_of(ROLE, "shop", "system:a b") == f"/apis/{ROLE.api_version}/namespaces/shop/roles/system:a%20b"
    assert path_of(DEPLOYMENT) == "/apis/apps/v1/deployments"


def test_a_list_is_read_in_pages_and_its_items_say_what_they_are(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [
        answer({"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        answer({"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "b"}}]}),
    ]
    found = cluster.list(DEPLOYMENT, "shop", labels="app=web", fields="metadata.name!=c")
    assert [(item["kind"], item["apiVersion"], item["metadata"]["name"]) for item in found.items] == [
        ("Deployment", "apps/v1", "a"),
        ("Deployment", "apps/v1", "b"),
    ]
    assert found.resource_version == "5"
    first, second = (dict(seen.query) for seen in api.seen)
    assert first == {"labelSelector": "app=web", "fieldSelector": "metadata.name!=c", "limit": "500"}
    assert second == {**first, "continue": "more"}


def test_a_list_whose_version_expired_is_read_again_whole(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [
        answer({"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        status(410, "Expired", "too old"),
        answer({"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "a"}}]}),
    ]
    assert len(cluster.list(POD).items) == 1
    assert "limit" not in dict(api.seen[2].query)


def test_a_large_compressed_answer(api: FakeApi, cluster: KubernetesCluster) -> None:
    items = [{"metadata": {"name": f"pod-{number}"}} for number in range(20_000)]

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.json_response({"metadata": {}, "items": items})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    api.script = [respond]
    assert len(cluster.list(POD).items) == 20_000
    assert api.seen[0].header("Accept-Encoding") == ["gzip"]


def test_writes(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [answer({"done": True})]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "note": "é"}
    cluster.create(pod)
    cluster.create(pod, dry_run=True)
    cluster.patch(JOB, "j", "shop", [{"op": "remove", "path": "/spec/x"}])
    cluster.merge(JOB, "j", "shop", {"spec": {"x": None}}, dry_run=True)
    create, dry, patch, merge = api.seen
    assert (create.method, create.path, create.query, create.json) == ("POST", "/api/v1/namespaces/shop/pods", (), pod)
    assert dry.query == (("dryRun", "All"),)
    assert patch.header("Content-Type") == ["application/json-patch+json"]
    assert patch.json == [{"op": "remove", "path": "/spec/x"}]
    assert merge.header("Content-Type") == ["application/merge-patch+json"]
    assert (merge.path, merge.query) == ("/apis/batch/v1/namespaces/shop/jobs/j", (("dryRun", "All"),))


def test_a_delete_always_says_which_object_and_that_its_children_go(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [answer({"kind": "Status", "status": "Success"})]
    cluster.delete(JOB, "j", "shop", uid="u-1")
    cluster.delete(POD, "p", "shop", uid="u-2", grace_seconds=0)
    job, pod = (seen.json for seen in api.seen)
    assert job == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u-1"},
    }
    assert pod["gracePeriodSeconds"] == 0


def test_a_delete_logs_in_again_after_a_401(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [status(401, "Unauthorized", "expired"), answer({"kind": "Status", "status": "Success"})]
    cluster.delete(JOB, "j", "shop", uid="u-1")
    assert api.seen[1].json == api.seen[0].json


def test_the_end_of_a_log_is_what_is_kept(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [text("x" * 300_000 + "panic: é", content_type="text/plain")]
    log = cluster.logs("shop", "web", container="app", previous=True, tail_lines=5)
    assert log.endswith("panic: é")
    assert len(log.encode()) == 256 * 1024
    query = dict(api.seen[0].query)
    assert (query["container"], query["previous"], query["tailLines"]) == ("app", "true", "5")
    assert int(query["limitBytes"]) >= 256 * 1024


def event(kind: str, name: str) -> dict[str, Any]:
    """Return an event of a watch."""
    return {"type": kind, "object": {"metadata": {"name": name, "annotations": {"text": "a\nb é"}}}}


def test_a_watch_yields_changes_and_passes_over_bookmarks(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [lines(event("ADDED", "a"), event("BOOKMARK", ""), event("DELETED", "b"), then="cut")]
    changes = list(cluster.watch(POD, "shop", fields="metadata.name=a", resource_version="4", seconds=30))
    assert [(each.type, each.object["metadata"]["name"]) for each in changes] == [("ADDED", "a"), ("DELETED", "b")]
    assert changes[0].object["kind"] == "Pod"
    assert dict(api.seen[0].query) == {
        "watch": "true",
        "timeoutSeconds": "30",
        "fieldSelector": "metadata.name=a",
        "resourceVersion": "4",
    }


@pytest.mark.parametrize(
    "respond",
    [status(410, "Expired", "too old"), lines({"type": "ERROR", "object": {"kind": "Status", "code": 410}})],
)
def test_a_watch_from_an_expired_version_ends_quietly(api: FakeApi, cluster: KubernetesCluster, respond: Any) -> None:
    api.script = [respond]
    assert list(cluster.watch(POD, "shop", seconds=5)) == []


def test_an_error_in_a_watch_is_raised(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [lines({"type": "ERROR", "object": {"kind": "Status", "code": 403, "message": "no more"}})]
    with pytest.raises(DeniedError, match="cannot watch pods in namespace shop") as caught:
        list(cluster.watch(POD, "shop", seconds=5))
    assert caught.value.because == "no more"


def test_a_silent_watch_ends_in_time(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [lines(event("ADDED", "a"), then="silence")]
    before = time.monotonic()
    assert len(list(cluster.watch(POD, "shop", seconds=0.1))) == 1
    assert time.monotonic() - before < 4


def test_a_watch_that_is_not_answered_is_unreachable(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [silence()]
    with pytest.raises(UnreachableError):
        list(cluster.watch(POD, "shop", seconds=0.1))


def test_rights_are_asked_at_once_and_answered_in_order(api: FakeApi, cluster: KubernetesCluster) -> None:
    verbs = ("get", "create", "delete", "patch")
    together = threading.Barrier(len(verbs), timeout=10)

    async def respond(request: web.Request) -> web.StreamResponse:
        verb = (await request.json())["spec"]["resourceAttributes"]["verb"]
        await asyncio.to_thread(together.wait)
        return web.json_response({"status": {"allowed": verb in ("get", "delete"), "denied": verb == "delete"}})

    api.script = [respond]
    accesses = [Access(verb=verb, resource="pods", subresource="exec", namespace="shop") for verb in verbs]
    assert cluster.may(accesses) == (True, False, False, False)
    asked = [seen.json["spec"]["resourceAttributes"] for seen in api.seen]
    assert {"verb": "get", "resource": "pods", "subresource": "exec", "namespace": "shop"} in asked
    assert {seen.path for seen in api.seen} == {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}


def test_no_rights_are_asked_for_nothing(api: FakeApi, cluster: KubernetesCluster) -> None:
    assert cluster.may([]) == ()
    assert api.seen == []


@pytest.mark.parametrize(
    ("respond", "name"),
    [
        (answer({"status": {"userInfo": {"username": "ann"}}}), "ann"),
        (status(404, "NotFound", "the server could not find the requested resource"), ""),
        (status(403, "Forbidden", "no"), ""),
    ],
)
def test_the_users_name(api: FakeApi, cluster: KubernetesCluster, respond: Any, name: str) -> None:
    api.script = [respond]
    assert cluster.user() == name


def test_the_servers_clock_is_read_from_any_answer(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [status(403, "Forbidden", "no", Date="Tue, 03 Mar 2026 10:00:00 GMT")]
    assert cluster.now().isoformat().startswith("2026-03-03T10:00:0")
    assert len(api.seen) == 1
    cluster.now()
    assert len(api.seen) == 1


def test_the_clock_goes_on_and_is_never_ahead() -> None:
    elapsed = [100.0]
    clock = ServerClock(lambda: elapsed[0])
    clock.observe("Tue, 03 Mar 2026 10:00:00 GMT", 99.9)
    elapsed[0] = 100.5
    clock.observe("Tue, 03 Mar 2026 10:00:00 GMT", 100.4)
    assert clock.now().isoformat() == "2026-03-03T10:00:00.500000+00:00"
    elapsed[0] = 3700.0
    assert clock.now().isoformat() == "2026-03-03T11:00:00+00:00"
    clock.observe("Tue, 03 Mar 2026 09:00:00 GMT", 3700.0)
    assert clock.now().isoformat() == "2026-03-03T09:00:00+00:00"
    clock.observe("yesterday", 3700.0)
    clock.observe(None, 3700.0)
    assert clock.now().hour == 9


@pytest.mark.parametrize(
    ("server", "explicit", "environment", "expected"),
    [
        ("https://api.example.com", "", {}, ""),
        ("https://api.example.com", "", {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ("https://api.example.com", "", {"https_proxy": "http://u:p%40@proxy:3128"}, "http://u:p%40@proxy:3128"),
        ("https://api.example.com", "", {"HTTP_PROXY": "http://proxy:3128"}, ""),
        ("https://api.example.com", "", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": ".example.com"}, ""),
        ("https://10.1.2.3:6443", "", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://127.0.0.1:6443", "", {"HTTPS_PROXY": "http://proxy"}, ""),
        ("https://127.0.0.1:6443", "http://other:1", {"NO_PROXY": "*"}, "http://other:1"),
    ],
)
def test_the_proxy(server: str, explicit: str, environment: dict[str, str], expected: str) -> None:
    proxy = proxy_for(server, explicit, environment)
    assert (proxy.full_url if proxy else "") == expected


def test_a_socks_proxy_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match="socks5://proxy:1080") as caught:
        proxy_for("https://api.example.com", "socks5://ann:secret@proxy:1080", {})
    assert "secret" not in str(caught.value)


def test_a_proxy_gets_its_credentials_and_the_server_does_not_get_them(api: FakeApi) -> None:
    api.script = [answer({"kind": "Pod"})]
    host = api.url.removeprefix("http://")
    adapter = cluster_at("http://api.example.com", environment={"HTTP_PROXY": f"http://ann:secret@{host}"})
    assert adapter.get(POD, "web", "shop") == {"kind": "Pod"}
    adapter.close()
    assert api.seen[0].header("Proxy-Authorization") == ["Basic YW5uOnNlY3JldA=="]
    assert api.seen[0].header("Host") == ["api.example.com"]


async def test_a_proxy_that_does_not_answer_is_named_without_its_password() -> None:
    proxy = {"HTTP_PROXY": "http://ann:secret@127.0.0.1:1"}
    adapter = cluster_at("http://api.example.com", environment=proxy)
    with pytest.raises(UnreachableError) as rest:
        adapter.get(POD, "web", "shop")
    with pytest.raises(UnreachableError) as stream:
        async with adapter.exec("shop", "web", container="c", command=["x"], stdin=False, tty=False, size=(1, 1)):
            raise AssertionError("it must not open")
    for error in (rest.value, stream.value):
        assert "connection refused" in error.because
        assert "through the proxy http://127.0.0.1:1" in error.because
        assert "secret" not in error.because + error.remedy


def test_manifests_go_out_as_they_are(api: FakeApi, cluster: KubernetesCluster) -> None:
    api.script = [answer({})]
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"}, "new": {"x": [1, None]}}
    before = json.dumps(manifest)
    cluster.create(manifest)
    assert api.seen[0].json == manifest
    assert json.dumps(manifest) == before
