"""A real API server takes every clone, in a namespace that enforces Pod Security `restricted`, and warns of nothing."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdebug.domain.clone import clone_pod
from tests.support.target_pods import TARGETS
from tests.unit.test_clone import variants

pytestmark = pytest.mark.cluster


@dataclass(frozen=True, kw_only=True)
class Server:
    """The API server of a kubeconfig's current context, by token."""

    url: str
    token: str
    tls: ssl.SSLContext

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any, list[str]]:
        """Return status, answer and warnings."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                return answer.status, json.load(answer), answer.headers.get_all("Warning") or []
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), error.headers.get_all("Warning") or []


@pytest.fixture(scope="module")
def server(kubeconfig: Path) -> Server:
    """Return the server of the current context."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(item["context"] for item in config["contexts"] if item["name"] == config["current-context"])
    cluster = next(item["cluster"] for item in config["clusters"] if item["name"] == context["cluster"])
    user = next(item["user"] for item in config["users"] if item["name"] == context["user"])
    if "token" not in user:
        pytest.skip("the current context has no token")
    authority = cluster.get("certificate-authority-data")
    tls = ssl.create_default_context(
        cadata=base64.b64decode(authority).decode() if authority else None,
        cafile=None if authority else str(kubeconfig.parent / cluster["certificate-authority"]),
    )
    return Server(url=cluster["server"], token=user["token"], tls=tls)


@pytest.fixture(scope="module")
def restricted(server: Server) -> Iterator[str]:
    """Return a fresh namespace that enforces Pod Security `restricted` and has its default account."""
    name = f"kdebug-test-recipe-{uuid.uuid4().hex[:8]}"
    modes = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": modes}}
    status, answer, _ = server.send("POST", "/api/v1/namespaces", namespace)
    assert status == 201, answer
    # Pods are refused until their account exists; made here, it need not be waited for.
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    status, answer, _ = server.send("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
    assert status in (201, 409), answer
    yield name
    server.send("DELETE", f"/api/v1/namespaces/{name}", {"kind": "DeleteOptions", "apiVersion": "v1"})


@pytest.mark.parametrize("name", TARGETS)
def test_the_server_takes_the_clone(server: Server, restricted: str, name: str) -> None:
    for settings in variants(TARGETS[name]):
        clone = clone_pod(TARGETS[name], replace(settings, namespace=restricted))
        path = f"/api/v1/namespaces/{restricted}/pods?dryRun=All&fieldValidation=Strict"
        status, answer, warnings = server.send("POST", path, clone.manifest)
        unexpected = [warning for warning in warnings if "hides previous definition" not in warning]
        assert (status, unexpected) == (201, []), answer.get("message", answer)


def test_the_namespace_would_refuse_the_target(server: Server, restricted: str) -> None:
    """The other tests prove something only where the namespace really enforces."""
    target = {**TARGETS["host namespaces"], "metadata": {"name": "target", "namespace": restricted}}
    status, answer, _ = server.send("POST", f"/api/v1/namespaces/{restricted}/pods?dryRun=All", target)
    assert status == 403
    assert "PodSecurity" in answer["message"]
