"""The embedded API and a real one answer the same requests in the same way, word for word where it is a refusal."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kdebug.demo.scenario import namespace
from tests.demo.client import JSON_PATCH, MERGE_PATCH, Client, Reply, client_of, client_of_kubeconfig
from tests.demo.objects import config_map, job, pod
from tests.support.embedded import embedded_cluster

pytestmark = pytest.mark.cluster

CM, PODS, JOBS = "/api/v1/namespaces/{}/configmaps", "/api/v1/namespaces/{}/pods", "/apis/batch/v1/namespaces/{}/jobs"
QUOTAS = "/api/v1/namespaces/{}/resourcequotas"
OTHER_UID = "11111111-1111-1111-1111-111111111111"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The same empty, restricted namespace on both."""

    embedded: Client
    real: Client
    namespace: str

    def ask(self, method: str, path: str, body: Any = None, **more: str) -> tuple[Reply, Reply]:
        """Send the same request to both."""
        place = path.format(self.namespace)
        return self.embedded(method, place, body, **more), self.real(method, place, body, **more)


@pytest.fixture(scope="module")
def pair(kubeconfig: Path) -> Iterator[Pair]:
    name = f"kdebug-same-{secrets.token_hex(4)}"
    manifest = namespace(name, labels={"pod-security.kubernetes.io/enforce": "restricted"})
    with embedded_cluster() as cluster:
        pair = Pair(embedded=client_of(cluster), real=client_of_kubeconfig(kubeconfig), namespace=name)
        try:
            made = pair.ask("POST", "/api/v1/namespaces", manifest)
            assert [reply.status for reply in made] == [201, 201]
            for client in (pair.embedded, pair.real):
                while client("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").status != 200:
                    client.events(f"/api/v1/namespaces/{name}/serviceaccounts", timeoutSeconds="1")
            assert [reply.status for reply in pair.ask("POST", CM, config_map("there", k="v"))] == [201, 201]
            yield pair
        finally:
            pair.real("DELETE", f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})


_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def plain(reply: Reply) -> tuple[int, Any]:
    """Return an answer without what differs from cluster to cluster."""
    body = reply.body
    if isinstance(body, dict):
        body = {**body, "metadata": {k: v for k, v in body.get("metadata", {}).items() if k not in ("managedFields",)}}
        body["metadata"].pop("resourceVersion", None)
    text = json.dumps(body)
    for found in _UID.findall(text):
        if found != OTHER_UID:
            text = text.replace(found, "UID")
    text = re.sub(r"kube-api-access-\w{5}", "kube-api-access-XXXXX", _TIME.sub("TIME", text))
    return reply.status, json.loads(text)


RAW: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
HOSTILE = {
    "hostNetwork": True,
    "volumes": [{"name": "h", "hostPath": {"path": "/"}}],
    "containers": [
        {
            "name": "c",
            "image": "b",
            "ports": [{"containerPort": 80, "hostPort": 80}],
            "securityContext": {"privileged": True},
        },
        {"name": "d", "image": "b", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}, "runAsUser": 0}},
    ],
}
TEST_UID = {"op": "test", "path": "/metadata/uid", "value": OTHER_UID}
PRECONDITION = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": OTHER_UID}}

REQUESTS: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "no such object": ("GET", CM + "/none", None, {}),
    "no such job": ("GET", JOBS + "/none", None, {}),
    "no such namespace": ("POST", "/api/v1/namespaces/none/configmaps", config_map(), {}),
    "no such resource": ("GET", "/api/v1/nones", None, {}),
    "no such path": ("GET", "/none", None, {}),
    "name taken": ("POST", CM, config_map("there"), {}),
    "bad name": ("POST", CM, config_map("B_c"), {}),
    "long name": ("POST", CM, config_map("a" * 254), {}),
    "no name": ("POST", CM, RAW | {"metadata": {}}, {}),
    "other namespace": ("POST", CM, RAW | {"metadata": {"name": "c", "namespace": "other"}}, {}),
    "other kind": ("POST", CM, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}, {}),
    "bad label key": ("POST", CM, RAW | {"metadata": {"name": "c", "labels": {"a b": "c"}}}, {}),
    "bad label": ("POST", CM, RAW | {"metadata": {"name": "c", "labels": {"a": "c d"}}}, {}),
    "bad data key": ("POST", CM, config_map("c") | {"data": {"a/b": "c"}}, {}),
    "bad data": ("POST", CM, config_map("c") | {"data": {"a": 1}}, {}),
    "bad owner": ("POST", CM, RAW | {"metadata": {"name": "c", "ownerReferences": [{"name": "", "uid": ""}]}}, {}),
    "dry run": ("POST", CM, config_map("c", k="v"), {"dryRun": "All"}),
    "bad dry run": ("POST", CM, config_map("c"), {"dryRun": "Some"}),
    "test fails": ("PATCH", CM + "/there", [TEST_UID], {"content_type": JSON_PATCH}),
    "test of what is not there": (
        "PATCH", CM + "/there", [{"op": "test", "path": "/data/z", "value": "v"}], {"content_type": JSON_PATCH},
    ),
    "remove what is not there": (
        "PATCH", CM + "/there", [{"op": "remove", "path": "/data/z"}], {"content_type": JSON_PATCH},
    ),
    "patch of nothing": ("PATCH", CM + "/none", [TEST_UID], {"content_type": JSON_PATCH}),
    "patch that is no list": ("PATCH", CM + "/there", {}, {"content_type": JSON_PATCH}),
    "other media type": ("PATCH", CM + "/there", {}, {"content_type": "text/plain"}),
    "old version": ("PATCH", CM + "/there", {"metadata": {"resourceVersion": "1"}}, {"content_type": MERGE_PATCH}),
    "other name": ("PATCH", CM + "/there", {"metadata": {"name": "b"}}, {"content_type": MERGE_PATCH}),
    "dry patch": (
        "PATCH", CM + "/there", {"data": {"k": None, "n": "m"}}, {"content_type": MERGE_PATCH, "dryRun": "All"},
    ),
    "put on nothing": ("PUT", CM + "/none", config_map("none"), {}),
    "other uid": ("DELETE", CM + "/there", PRECONDITION, {}),
    "delete of nothing": ("DELETE", CM + "/none", PRECONDITION, {}),
    "bad policy": ("DELETE", CM + "/there", {"propagationPolicy": "Some"}, {}),
    "bad selector": ("GET", PODS, None, {"fieldSelector": "spec.bad=x"}),
    "hostile pod": ("POST", PODS, pod() | {"spec": HOSTILE}, {"dryRun": "All"}),
    "unhardened pod": (
        "POST", PODS, pod() | {"spec": {"containers": [{"name": "c", "image": "b"}]}}, {"dryRun": "All"},
    ),
    "root pod": ("POST", PODS, pod(securityContext={"runAsUser": 0, "runAsNonRoot": True}), {"dryRun": "All"}),
    "pod without containers": ("POST", PODS, pod(containers=[]), {}),
    "pod with a bad container": ("POST", PODS, pod() | {"spec": {"containers": [{"name": "C_x"}]}}, {}),
    "pod with a bad policy": ("POST", PODS, pod(restartPolicy="Some"), {}),
    "pod with a bad cap": ("POST", PODS, pod(activeDeadlineSeconds=0), {}),
    "pod with another account": ("POST", PODS, pod(serviceAccountName="none"), {}),
    "pod with an ephemeral container": ("POST", PODS, pod(ephemeralContainers=[{"name": "e", "image": "x"}]), {}),
    "pod with an unknown field": ("POST", PODS, pod(some=1), {"fieldValidation": "Strict"}),
    "dry pod": ("POST", PODS, pod(), {"dryRun": "All"}),
    "dry pod without a token": ("POST", PODS, pod(automountServiceAccountToken=False), {"dryRun": "All"}),
    "pod with limits": (
        "POST", PODS, pod(volumes=[{"name": "t", "emptyDir": {}}], activeDeadlineSeconds=60), {"dryRun": "All"},
    ),
    "dry job": ("POST", JOBS, job(), {"dryRun": "All"}),
    "bad job": ("POST", JOBS, job(parallelism=-1), {}),
    "job without a template": ("POST", JOBS, job() | {"spec": {"activeDeadlineSeconds": 1}}, {}),
    "log of nothing": ("GET", PODS + "/none/log", None, {}),
    "method": ("PUT", CM, config_map(), {}),
    "quota": ("POST", QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}, {"dryRun": "All"}),
    "allowed": (
        "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "x"}}}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_answer(pair: Pair, name: str) -> None:
    method, path, body, more = REQUESTS[name]
    embedded, real = pair.ask(method, path, body, **more)
    assert plain(embedded) == plain(real)
    assert embedded.headers.get("Content-Type", "").partition(";")[0] == real.headers["Content-Type"].partition(";")[0]


def test_wrong_token(pair: Pair) -> None:
    replies = [Client(url=client.url, token="none")("GET", CM.format("x")) for client in (pair.embedded, pair.real)]
    assert plain(replies[0]) == plain(replies[1])


def test_a_full_quota(pair: Pair) -> None:
    name = f"{pair.namespace}-q"
    hard = {"pods": "0", "count/jobs.batch": "0", "limits.memory": "1Gi"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}
    place = f"/api/v1/namespaces/{name}"
    try:
        for client in (pair.embedded, pair.real):
            client("POST", "/api/v1/namespaces", namespace(name))
            client("POST", f"{place}/resourcequotas", quota)
            while "status" not in (found := client("GET", f"{place}/resourcequotas/q").body) or not found["status"].get(
                "used"
            ):
                client.events(f"{place}/resourcequotas", timeoutSeconds="1")
            while client("GET", f"{place}/serviceaccounts/default").status != 200:
                client.events(f"{place}/serviceaccounts", timeoutSeconds="1")
        large = pod()
        large["spec"]["containers"][0]["resources"] = {"limits": {"memory": "2Gi"}}
        for path, body in ((f"{place}/pods", large), (f"{place}/pods", pod()), (JOBS.format(name), job())):
            embedded, real = pair.ask("POST", path, body)
            assert plain(embedded) == plain(real)
    finally:
        pair.real("DELETE", place, {"propagationPolicy": "Background"})
