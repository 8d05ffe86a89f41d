"""What the API server checks of an object itself, before any policy looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kdebug.demo.resources import JSON
from kdebug.demo.status import Cause
from kdebug.domain.kinds import Manifest

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

_NOT_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_NOT_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
    "end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_NOT_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_NOT_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_NOT_CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', "
    "regex used for validation is '[-._a-zA-Z0-9]+')"
)
_POD_UPDATE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_NAMED_BY_LABEL = {"Namespace", "Service"}


def wrong_value(field: str, value: Any, why: str) -> Cause:
    """Return the cause for a value that does not do."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return Cause(field=field, reason="FieldValueInvalid", message=f"Invalid value: {shown}: {why}")


def missing_value(field: str, why: str = "") -> Cause:
    """Return the cause for a field that must be set."""
    return Cause(
        field=field, reason="FieldValueRequired", message=f"Required value: {why}" if why else "Required value"
    )


def unsupported_value(field: str, value: Any, values: Sequence[str]) -> Cause:
    """Return the cause for a value that is none of the known ones."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    known = ", ".join(f'"{known}"' for known in values)
    return Cause(
        field=field, reason="FieldValueNotSupported", message=f"Unsupported value: {shown}: supported values: {known}"
    )


def forbidden_value(field: str, why: str) -> Cause:
    """Return the cause for a field that may not be set or changed."""
    return Cause(field=field, reason="FieldValueForbidden", message=f"Forbidden: {why}")


def faults_of_new(manifest: Manifest) -> list[Cause]:
    """Return what is wrong with a new object, in the order in which the server tells it."""
    causes = list(_metadata_faults(manifest))
    if manifest["kind"] == "Pod":
        causes += _pod_faults(manifest.get("spec") or {}, "spec")
        if (manifest.get("spec") or {}).get("ephemeralContainers"):
            causes.append(forbidden_value("spec.ephemeralContainers", "cannot be set on create"))
    elif manifest["kind"] == "Job":
        causes += _job_faults(manifest.get("spec") or {})
    elif manifest["kind"] in ("ConfigMap", "Secret"):
        causes += _data_faults(manifest)
    return causes


def faults_of_update(old: Manifest, new: Manifest) -> list[Cause]:
    """Return what is wrong with a change of an object."""
    causes = [
        wrong_value(f"metadata.{field}", new["metadata"].get(field), "field is immutable")
        for field in ("uid", "creationTimestamp")
        if new["metadata"].get(field) != old["metadata"].get(field)
    ]
    causes += _metadata_faults(new)
    if new["kind"] == "Job":
        causes += [
            wrong_value(f"spec.{field}", new["spec"].get(field), "field is immutable")
            for field in ("completions", "selector", "template", "completionMode")
            if new["spec"].get(field) != old["spec"].get(field)
        ]
        causes += _job_numbers(new["spec"])
    elif new["kind"] == "Pod" and _fixed_part(new["spec"]) != _fixed_part(old["spec"]):
        causes.append(forbidden_value("spec", _POD_UPDATE))
    elif new["kind"] in ("ConfigMap", "Secret"):
        causes += _data_faults(new)
        if old.get("immutable") and (new.get("data"), new.get("immutable")) != (old.get("data"), True):
            causes.append(forbidden_value("data", "field is immutable when `immutable` is set"))
    return causes


def _metadata_faults(manifest: Manifest) -> Iterator[Cause]:
    metadata = manifest["metadata"]
    name = str(metadata.get("name", ""))
    if not name:
        yield missing_value("metadata.name", "name or generateName is required")
    elif manifest["kind"] in _NAMED_BY_LABEL:
        if not _LABEL.fullmatch(name) or len(name) > 63:
            yield wrong_value(
                "metadata.name", name, _NOT_LABEL if len(name) <= 63 else "must be no more than 63 characters"
            )
    elif manifest["kind"] not in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        if len(name) > 253:
            yield wrong_value("metadata.name", name, "must be no more than 253 characters")
        if not _SUBDOMAIN.fullmatch(name):
            yield wrong_value("metadata.name", name, _NOT_SUBDOMAIN)
    for key, value in (metadata.get("labels") or {}).items():
        yield from _label_faults(key, value)
    for owner in metadata.get("ownerReferences") or ():
        for field, why in (
            ("apiVersion", "version must not be empty"),
            *((f, "must not be empty") for f in ("kind", "name", "uid")),
        ):
            if not owner.get(field):
                yield wrong_value(f"metadata.ownerReferences.{field}", "", why)


def _label_faults(key: str, value: Any) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if not _KEY_NAME.fullmatch(name) or len(name) > 63:
        yield wrong_value(
            "metadata.labels", key, _NOT_KEY if len(name) <= 63 else "name part must be no more than 63 characters"
        )
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        yield wrong_value("metadata.labels", key, f"prefix part {_NOT_SUBDOMAIN}")
    if not _LABEL_VALUE.fullmatch(str(value)) or len(str(value)) > 63:
        yield wrong_value(
            "metadata.labels", value, _NOT_VALUE if len(str(value)) <= 63 else "must be no more than 63 characters"
        )


def _data_faults(manifest: Manifest) -> Iterator[Cause]:
    for key in manifest.get("data") or {}:
        if not _CONFIG_KEY.fullmatch(key):
            yield wrong_value(f"data[{key}]", key, _NOT_CONFIG_KEY)


def _pod_faults(spec: JSON, path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield missing_value(f"{path}.containers")
    for field in ("initContainers", "containers"):
        seen: set[str] = set()
        for index, container in enumerate(spec.get(field) or ()):
            yield from _container_faults(container, f"{path}.{field}[{index}]", spec)
            if (name := str(container.get("name", ""))) in seen:
                yield Cause(
                    field=f"{path}.{field}[{index}].name",
                    reason="FieldValueDuplicate",
                    message=f'Duplicate value: "{name}"',
                )
            seen.add(name)
    policy = spec.get("restartPolicy", "Always")
    if policy not in ("Always", "OnFailure", "Never"):
        yield unsupported_value(f"{path}.restartPolicy", policy, ("Always", "OnFailure", "Never"))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        yield wrong_value(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _container_faults(container: JSON, path: str, spec: JSON) -> Iterator[Cause]:
    name = str(container.get("name", ""))
    if not name:
        yield missing_value(f"{path}.name")
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        yield wrong_value(f"{path}.name", name, _NOT_LABEL)
    if not container.get("image"):
        yield missing_value(f"{path}.image")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            not_found = f'Not found: "{mount.get("name")}"'
            yield Cause(field=f"{path}.volumeMounts[{index}].name", reason="FieldValueNotFound", message=not_found)


def _job_faults(spec: JSON) -> Iterator[Cause]:
    yield from _job_numbers(spec)
    template = (spec.get("template") or {}).get("spec") or {}
    policy = template.get("restartPolicy")
    yield from _pod_faults({**template, "restartPolicy": "Never"}, "spec.template.spec")
    if policy not in ("OnFailure", "Never"):
        field, known = "spec.template.spec.restartPolicy", ("OnFailure", "Never")
        if policy is None:
            yield missing_value(field, 'valid values: "OnFailure", "Never"')
        else:
            yield unsupported_value(field, policy, known)


def _job_numbers(spec: JSON) -> Iterator[Cause]:
    for field in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        value = spec.get(field)
        if value is not None and value < 0:
            yield wrong_value(f"spec.{field}", value, "must be greater than or equal to 0")


def _fixed_part(spec: JSON) -> JSON:
    fixed = {k: v for k, v in spec.items() if k not in ("activeDeadlineSeconds", "tolerations", "nodeName")}
    for field in ("containers", "initContainers"):
        fixed[field] = [{k: v for k, v in container.items() if k != "image"} for container in spec.get(field, ())]
    return fixed
