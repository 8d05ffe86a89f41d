"""The platform's own example: a hardened, crash-looping prism-proxy as a Deployment and as a bare pod."""

from __future__ import annotations

from typing import Any

IMAGE = "ghcr.io/prism/proxy:v1.2.3"


def proxy_spec(image: str = IMAGE) -> dict[str, Any]:
    """Return the pod spec of the platform's deployment example; without PRISM_BACKEND the program panics with 101."""
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "proxy",
                "image": image,
                "env": [{"name": "RUST_LOG", "value": "info"}],
                "ports": [{"name": "grpc", "containerPort": 8980}, {"name": "metrics", "containerPort": 9090}],
                "securityContext": {
                    "readOnlyRootFilesystem": True,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "100m", "memory": "64Mi"},
                    "limits": {"cpu": "500m", "memory": "256Mi"},
                },
            }
        ],
    }


def bare_pod(namespace: str, name: str = "prism-proxy-pod", image: str = IMAGE) -> dict[str, Any]:
    """Return the pod that the on-call engineer types the name of."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "prism-proxy-pod"}},
        "spec": proxy_spec(image),
    }


def deployment(namespace: str, name: str = "prism-proxy", image: str = IMAGE) -> dict[str, Any]:
    """Return the Deployment of the platform's example."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": proxy_spec(image)},
        },
    }
