"""The server's doors: loopback, token, kubeconfig, and the real kubectl."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from kdebug.demo.admission import Denial, Webhook, denied_by
from kdebug.demo.cluster import EmbeddedCluster
from tests.demo.client import Client, client_of, client_of_kubeconfig
from tests.demo.objects import CONFIG_MAPS, JOBS, PODS, config_map, job, pod
from tests.support.embedded import embedded_cluster
from tests.support.kubectl import kubectl_command

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def test_the_kubeconfig_is_private_and_works(cluster: EmbeddedCluster) -> None:
    path = cluster.kubeconfig_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert cluster.url.startswith("http://127.0.0.1:")
    assert client_of_kubeconfig(path)("GET", CONFIG_MAPS).status == 200


def test_nothing_is_told_without_the_token(cluster: EmbeddedCluster) -> None:
    stranger = Client(url=cluster.url, token="guess")
    assert [stranger("GET", path).status for path in ("/version", "/api", CONFIG_MAPS, "/guess/api")] == [401] * 4
    assert stranger("GET", "/readyz").body == "ok"


def test_a_right_that_is_taken_is_refused_and_reviewed() -> None:
    denied = [Denial(verb="delete", resource="pods"), Denial(verb="get", resource="pods/exec", namespace="prism")]
    with embedded_cluster(denied=denied) as cluster:
        api = client_of(cluster)
        refused = api("DELETE", f"{PODS}/p")
        expected = (
            'pods "p" is forbidden: User "demo" cannot delete resource "pods" in API group "" '
            'in the namespace "kdebug-isolated"'
        )
        assert (refused.status, refused.message) == (403, expected)
        asked = {"verb": "get", "resource": "pods", "subresource": "exec", "namespace": "prism"}
        answers = [
            api("POST", REVIEWS, {"spec": {"resourceAttributes": attributes}}).body["status"]["allowed"]
            for attributes in (asked, asked | {"namespace": "other"}, asked | {"verb": "create"})
        ]
        assert answers == [False, True, True]


def test_webhooks_change_refuse_and_cannot_dry_run() -> None:
    webhooks = [
        Webhook(
            name="suspend.example.com", kind="Job", mutate=lambda new: new | {"spec": new["spec"] | {"suspend": True}}
        ),
        Webhook(name="pods.example.com", kind="Pod", mutate=lambda new: None, has_side_effects=True),
    ]
    with embedded_cluster(webhooks=webhooks) as cluster:
        api = client_of(cluster)
        assert api("POST", JOBS, job()).body["spec"]["suspend"] is True
        reply = api("POST", PODS, pod(), dryRun="All")
        assert (reply.status, reply.message) == (400, 'admission webhook "pods.example.com" does not support dry run')
        assert api("POST", PODS, pod()).status == 201

        def refuse(new: dict[str, object]) -> None:
            raise denied_by("maps.example.com", "not today")

        cluster.admission.webhooks.append(Webhook(name="maps.example.com", kind="ConfigMap", mutate=refuse))
        reply = api("POST", CONFIG_MAPS, config_map())
        assert reply.message == 'admission webhook "maps.example.com" denied the request: not today'


def test_unknown_fields_are_dropped_with_a_warning(api: Client) -> None:
    reply = api("POST", CONFIG_MAPS, config_map() | {"some": 1})
    assert (reply.status, "some" in reply.body) == (201, False)
    assert reply.headers["Warning"] == '299 - "unknown field \\"some\\""'


@pytest.mark.cluster
def test_the_real_kubectl_finds_its_way(kubeconfig: Path) -> None:
    command = kubectl_command()
    with embedded_cluster() as cluster:

        def run(*arguments: str) -> str:
            full = [*command, *arguments, "--kubeconfig", str(cluster.kubectl_kubeconfig_path)]
            return subprocess.run(full, capture_output=True, text=True, check=True, timeout=60).stdout

        assert "CrashLoopBackOff   7 (" in run("get", "pods")
        assert "Back-off restarting failed container" in run("describe", "pod", "prism-proxy-pod")
        assert "panicked at proxy/src/main.rs:142:47" in run("logs", "deploy/prism-proxy")
        assert json.loads(run("get", "deploy", "-o", "json"))["items"][0]["metadata"]["name"] == "prism-proxy"
        assert "deleted" in run("delete", "pod", "prism-proxy-pod")
