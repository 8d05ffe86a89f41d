"""The allow-list: every field of a pod that the recipe has a rule for. No other field gets through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.steps import Step
from kdebug.domain.kinds import Manifest

Known = Mapping[str, Any]
"""Field -> the known fields below it: a mapping, a list of one mapping for a list's items, or True for all there is."""


def _all(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, True)


_KEYS = [_all("key", "path", "mode")]
_FIELD_REF = _all("apiVersion", "fieldPath")
_RESOURCE_REF = _all("containerName", "resource", "divisor")
_DOWNWARD_ITEMS = [{"path": True, "mode": True, "fieldRef": _FIELD_REF, "resourceFieldRef": _RESOURCE_REF}]
_CONFIG_MAP = {"name": True, "optional": True, "items": _KEYS}

_SECURITY = {
    **_all("runAsUser", "runAsGroup", "runAsNonRoot", "privileged", "allowPrivilegeEscalation"),
    **_all("readOnlyRootFilesystem", "procMount", "seLinuxOptions", "seccompProfile", "appArmorProfile"),
    "capabilities": _all("add", "drop"),
}
_POD_SECURITY = _all(
    "runAsUser", "runAsGroup", "runAsNonRoot", "fsGroup", "fsGroupChangePolicy", "supplementalGroups",
    "supplementalGroupsPolicy", "seLinuxOptions", "seLinuxChangePolicy", "seccompProfile", "appArmorProfile", "sysctls",
)  # fmt: skip

_ENV = {
    **_all("name", "value"),
    "valueFrom": {
        "configMapKeyRef": _all("name", "key", "optional"),
        "secretKeyRef": _all("name", "key", "optional"),
        "fieldRef": _FIELD_REF,
        "resourceFieldRef": _RESOURCE_REF,
    },
}
_ENV_FROM = {"prefix": True, "configMapRef": _all("name", "optional"), "secretRef": _all("name", "optional")}

_MOUNT = _all("name", "mountPath", "subPath", "subPathExpr", "readOnly", "recursiveReadOnly", "mountPropagation")
_CONTAINER = {
    **_all("name", "image", "imagePullPolicy", "command", "args", "workingDir", "stdin", "stdinOnce", "tty"),
    **_all("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "restartPolicy", "resizePolicy"),
    **_all("volumeDevices", "terminationMessagePath", "terminationMessagePolicy"),
    "env": [_ENV],
    "envFrom": [_ENV_FROM],
    "ports": [_all("name", "containerPort", "hostPort", "hostIP", "protocol")],
    "resources": _all("limits", "requests", "claims"),
    "securityContext": _SECURITY,
    "volumeMounts": [_MOUNT],
}

STORAGE = (
    "persistentVolumeClaim", "ephemeral", "csi", "image", "nfs", "iscsi", "fc", "rbd", "cephfs", "cinder", "glusterfs",
    "quobyte", "flexVolume", "flocker", "gitRepo", "azureDisk", "azureFile", "awsElasticBlockStore",
    "gcePersistentDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip
"""The kinds of volumes that hold data of the target or reach out of the cluster."""

_PROJECTED = {
    **_all("serviceAccountToken", "clusterTrustBundle", "podCertificate"),
    "configMap": _CONFIG_MAP,
    "secret": _CONFIG_MAP,
    "downwardAPI": {"items": _DOWNWARD_ITEMS},
}
_VOLUME = {
    **_all("name", "hostPath", *STORAGE),
    "emptyDir": _all("medium", "sizeLimit"),
    "configMap": {**_CONFIG_MAP, "defaultMode": True},
    "secret": {"secretName": True, "optional": True, "items": _KEYS, "defaultMode": True},
    "downwardAPI": {"items": _DOWNWARD_ITEMS, "defaultMode": True},
    "projected": {"sources": [_PROJECTED], "defaultMode": True},
}

POD: Known = {
    **_all("apiVersion", "kind", "metadata", "status"),
    "spec": {
        **_all("nodeName", "nodeSelector", "affinity", "tolerations", "topologySpreadConstraints"),
        **_all("schedulerName", "os"),
        **_all("schedulingGates", "readinessGates", "priority", "priorityClassName", "preemptionPolicy", "overhead"),
        **_all("runtimeClassName", "resourceClaims", "resources", "ephemeralContainers", "imagePullSecrets"),
        **_all("serviceAccountName", "serviceAccount", "automountServiceAccountToken", "enableServiceLinks"),
        **_all("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"),
        **_all("hostname", "hostnameOverride", "subdomain", "setHostnameAsFQDN", "dnsPolicy", "hostAliases"),
        **_all("restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds"),
        "dnsConfig": {"nameservers": True, "searches": True, "options": [_all("name", "value")]},
        "securityContext": _POD_SECURITY,
        "initContainers": [_CONTAINER],
        "containers": [_CONTAINER],
        "volumes": [_VOLUME],
    },
}


def known_fields() -> Step:
    """Build a new pod from the known fields of the target."""
    return Step(
        name="known fields",
        why="unknown field: the clone is built new, and only from fields that kdebug has a rule for",
        apply=lambda pod: _only(pod, POD),
    )


def _only(value: Any, known: Any) -> Any:
    if known is True:
        return value
    if isinstance(known, list):
        return [_only(item, known[0]) for item in value if isinstance(item, Mapping)]
    return {
        field: _only(value[field], below)
        for field, below in known.items()
        if value.get(field) is not None and _has_form(value[field], below)
    }


def _has_form(value: Any, known: Any) -> bool:
    return known is True or isinstance(value, list if isinstance(known, list) else Mapping)


def without_status() -> Step:
    """Leave out what the cluster observed of the target."""
    return Step(
        name="status",
        why="what the cluster observed of the target is not part of what it is",
        apply=lambda pod: {field: value for field, value in pod.items() if field != "status"},
    )


def is_pod(manifest: Manifest) -> bool:
    """Whether a manifest has the form of a pod, whatever it says."""
    spec = manifest.get("spec")
    return manifest.get("kind") == "Pod" and isinstance(spec, Mapping) and isinstance(manifest.get("metadata"), Mapping)
