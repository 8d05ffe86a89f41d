"""What the API server adds to a new Pod, Job or Namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdebug.demo.resources import JSON

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def fill_in(manifest: JSON, new_suffix: Callable[[], str]) -> None:
    """Set the defaults of a new object in place; `new_suffix` makes the end of the token volume's name."""
    if manifest["kind"] == "Pod":
        _fill_in_pod(manifest["spec"], new_suffix)
        manifest["status"] = {"phase": "Pending", "qosClass": _quality(manifest["spec"])}
    elif manifest["kind"] == "Job":
        _fill_in_job(manifest)
    elif manifest["kind"] == "Namespace":
        manifest["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = manifest["metadata"]["name"]
        manifest["spec"] = {"finalizers": ["kubernetes"]}
        manifest["status"] = {"phase": "Active"}
    elif manifest["kind"] == "ResourceQuota":
        manifest["status"] = {}
    elif manifest["kind"] == "Secret":
        manifest.setdefault("type", "Opaque")


def fill_in_template(spec: JSON) -> None:
    """Set the defaults that a pod's spec has in a workload's template, too."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("imagePullPolicy", _pull_policy(str(container.get("image", ""))))
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")
    for volume in spec.get("volumes", ()):
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)


def _fill_in_pod(spec: JSON, new_suffix: Callable[[], str]) -> None:
    fill_in_template(spec)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    if spec.get("automountServiceAccountToken", True):
        _mount_token(spec, f"kube-api-access-{new_suffix()}")
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    tolerations: list[JSON] = spec.setdefault("tolerations", [])
    for condition in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{condition}"
        if not any(toleration.get("key") == key for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        limits = container["resources"].get("limits")
        if limits:
            requests = container["resources"].setdefault("requests", {})
            container["resources"]["requests"] = dict(limits) | requests


def _mount_token(spec: JSON, name: str) -> None:
    sources: list[JSON] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    spec.setdefault("volumes", []).append({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        mounts: list[JSON] = container.setdefault("volumeMounts", [])
        if not any(mount.get("mountPath") == _TOKEN_PATH for mount in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_PATH})


def _fill_in_job(manifest: JSON) -> None:
    spec, metadata = manifest["spec"], manifest["metadata"]
    spec.setdefault("parallelism", 1)
    spec.setdefault("completions", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    own = {
        "batch.kubernetes.io/controller-uid": metadata["uid"],
        "batch.kubernetes.io/job-name": metadata["name"],
        "controller-uid": metadata["uid"],
        "job-name": metadata["name"],
    }
    # The server gives the template's labels to the Job itself when it has none.
    template: JSON = spec["template"]
    labels: dict[str, Any] = template.setdefault("metadata", {}).setdefault("labels", {})
    labels |= own
    metadata.setdefault("labels", dict(labels))
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": metadata["uid"]}})
    fill_in_template(template["spec"])
    manifest["status"] = {}


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if "@" not in image and tag in ("", "latest") else "IfNotPresent"


def _quality(spec: JSON) -> str:
    resources = [container["resources"] for container in spec["containers"]]
    if not any(found.get("limits") or found.get("requests") for found in resources):
        return "BestEffort"
    has_all = all({"cpu", "memory"} <= set(found.get("limits", {})) for found in resources)
    is_equal = all(found.get("limits") == found.get("requests") for found in resources)
    return "Guaranteed" if has_all and is_equal else "Burstable"
