"""The fields that the server knows, so that it can warn of, drop or refuse the others (fieldValidation)."""

from __future__ import annotations

from collections.abc import Iterator

from kdebug.demo.resources import JSON

_TOP = {
    "ConfigMap": {"data", "binaryData", "immutable"},
    "Secret": {"data", "stringData", "type", "immutable"},
    "Pod": {"spec", "status"},
    "Job": {"spec", "status"},
    "NetworkPolicy": {"spec", "status"},
    "Namespace": {"spec", "status"},
}
_EVERYWHERE = {"apiVersion", "kind", "metadata"}
_METADATA = {
    "name", "namespace", "generateName", "labels", "annotations", "ownerReferences", "finalizers", "uid",
    "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink",
}  # fmt: skip
_POD_SPEC = {
    "activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy",
    "enableServiceLinks", "ephemeralContainers", "hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostUsers",
    "hostname", "hostnameOverride", "imagePullSecrets", "initContainers", "nodeName", "nodeSelector", "os",
    "overhead", "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "resourceClaims", "resources",
    "restartPolicy", "runtimeClassName", "schedulerName", "schedulingGates", "securityContext", "serviceAccount",
    "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds",
    "tolerations", "topologySpreadConstraints", "volumes",
}  # fmt: skip
_CONTAINER = {
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports",
    "readinessProbe", "resizePolicy", "resources", "restartPolicy", "restartPolicyRules", "securityContext",
    "startupProbe", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty",
    "volumeDevices", "volumeMounts", "workingDir", "targetContainerName",
}  # fmt: skip
_JOB_SPEC = {
    "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex", "completionMode", "completions", "managedBy",
    "manualSelector", "maxFailedIndexes", "parallelism", "podFailurePolicy", "podReplacementPolicy", "selector",
    "successPolicy", "suspend", "template", "ttlSecondsAfterFinished",
}  # fmt: skip


def drop_unknown(manifest: JSON) -> list[str]:
    """Remove the fields that the server does not know, in place, and return their paths."""
    return list(_drop(manifest))


def _drop(manifest: JSON) -> Iterator[str]:
    kind = manifest["kind"]
    if kind in _TOP:
        yield from _keep(manifest, _EVERYWHERE | _TOP[kind], "")
    yield from _keep(manifest.get("metadata"), _METADATA, "metadata.")
    if kind == "Pod":
        yield from _drop_from_pod(manifest.get("spec"), "spec.")
    elif kind == "Job":
        spec = manifest.get("spec")
        yield from _keep(spec, _JOB_SPEC, "spec.")
        if isinstance(spec, dict) and isinstance(spec.get("template"), dict):
            yield from _drop_from_pod(spec["template"].get("spec"), "spec.template.spec.")


def _drop_from_pod(spec: object, path: str) -> Iterator[str]:
    yield from _keep(spec, _POD_SPEC, path)
    if not isinstance(spec, dict):
        return
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from _keep(container, _CONTAINER, f"{path}{field}[{index}].")


def _keep(value: object, known: set[str], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in [key for key in value if key not in known]:
            del value[key]
            yield f"{path}{key}"
