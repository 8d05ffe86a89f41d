"""A mutating admission webhook on this machine, for the Jobs of one namespace of a real cluster."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.https import HttpsServer

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
Review = Callable[[dict[str, Any]], dict[str, Any]]
"""From an AdmissionReview's request to the part of its response that is not the uid."""


def allowing(patch: list[dict[str, Any]]) -> Review:
    """Allow everything, changed by a JSON patch."""
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return lambda request: {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def refusing(message: str, *, dry_runs_only: bool = False) -> Review:
    """Refuse everything, or dry runs alone, as a webhook with side effects does."""

    def review(request: dict[str, Any]) -> dict[str, Any]:
        if dry_runs_only and not request.get("dryRun"):
            return {"allowed": True}
        return {"allowed": False, "status": {"code": 400, "message": message}}

    return review


@contextmanager
def webhook(kubeconfig: Path, directory: Path, *, name: str, namespace: str, review: Review) -> Iterator[None]:
    """Within, Jobs that are created in the namespace, and no others, pass through `review`."""

    def respond(body: dict[str, Any]) -> dict[str, Any]:
        answer = {"uid": body["request"]["uid"], **review(body["request"])}
        return {"apiVersion": body["apiVersion"], "kind": body["kind"], "response": answer}

    with HttpsServer(directory, respond) as server:
        content = _configuration(name, namespace, server)
        _send(kubeconfig, "POST", CONFIGURATIONS, content)
        try:
            yield
        finally:
            _send(kubeconfig, "DELETE", f"{CONFIGURATIONS}/{name}", None)


def _configuration(name: str, namespace: str, server: HttpsServer) -> dict[str, Any]:
    authority = base64.b64encode(server.certificate.read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"{name}.example.org",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "NoneOnDryRun",
                "timeoutSeconds": 5,
                "clientConfig": {"url": f"{server.url}/review", "caBundle": authority},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
                ],
            }
        ],
    }


def _send(kubeconfig: Path, method: str, path: str, content: dict[str, Any] | None) -> None:
    """Send one request as the kubeconfig's administrator."""
    document = json.loads(kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    token = next(entry["user"]["token"] for entry in document["users"] if entry["name"] == "admin")
    request = urllib.request.Request(
        cluster["server"] + path,
        method=method,
        data=json.dumps(content).encode() if content else None,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if "certificate-authority-data" in cluster:
        context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with urllib.request.urlopen(request, timeout=30, context=context) as answer:
        answer.read()
