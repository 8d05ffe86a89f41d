"""Label and field selectors, as query strings spell them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kdebug.demo.status import bad_request
from kdebug.domain.kinds import Kind, Manifest

Matches = Callable[[Manifest], bool]

_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
        "status.podIP", "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Secret": ("type",),
    "Job": ("status.successful",),
    "ReplicaSet": ("status.replicas",),
}  # fmt: skip

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s=!]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s=!]*)$")
_EXISTENCE = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s=!()]+)$")


def label_selector(text: str) -> Matches:
    """Return the test that a label selector stands for; RejectedError 400 for one that cannot be read."""
    tests = [_requirement(part.strip()) for part in re.split(r",(?![^()]*\))", text) if part.strip()]
    return lambda manifest: all(test(manifest.get("metadata", {}).get("labels") or {}) for test in tests)


def field_selector(kind: Kind, text: str) -> Matches:
    """Return the test that a field selector stands for; RejectedError 400 for a field that the kind does not offer."""
    tests = [_field_requirement(kind, part.strip()) for part in text.split(",") if part.strip()]
    return lambda manifest: all(test(manifest) for test in tests)


def _requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUALITY.match(text):
        key, value = match["key"], match["value"]
        if match["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTENCE.match(text):
        key = match["key"]
        return (lambda labels: key not in labels) if match["not"] else (lambda labels: key in labels)
    raise bad_request(f"unable to parse requirement: {text!r}")


def _field_requirement(kind: Kind, text: str) -> Matches:
    match = _EQUALITY.match(text)
    if match is None:
        raise bad_request(f"invalid field selector: {text!r}; can't understand it")
    name, value = match["key"], match["value"]
    if name not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind.name, ())):
        raise bad_request(f"field label not supported: {name}")
    if match["operator"] == "!=":
        return lambda manifest: _field(manifest, name) != value
    return lambda manifest: _field(manifest, name) == value


def _field(manifest: Manifest, path: str) -> str:
    value: Any = manifest
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    if path == "source" and isinstance(value, dict):
        value = value.get("component", "")
    return str(value)
