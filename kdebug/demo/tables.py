"""The tables that kubectl prints, made on the server as in Kubernetes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kdebug.demo.clock import moment_of
from kdebug.demo.resources import JSON
from kdebug.domain.kinds import Manifest, name_of

_COLUMNS = {
    "Pod": ("Name", "Ready", "Status", "Restarts", "Age"),
    "Event": ("Last Seen", "Type", "Reason", "Object", "Message"),
}
_OTHERS = ("Name", "Age")


def table(body: Manifest, now: datetime) -> JSON:
    """Return a list or an object as a table; pods and events in full, everything else with name and age."""
    is_list = "items" in body
    items: Sequence[Manifest] = body["items"] if is_list else [body]
    kind = str(body["kind"]).removesuffix("List")
    definitions = [
        {"name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "", "priority": 0}
        for name in _COLUMNS.get(kind, _OTHERS)
    ]
    rows = [
        {
            "cells": _cells(kind, item, now),
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]},
        }
        for item in items
    ]
    metadata = body["metadata"] if is_list else {"resourceVersion": body["metadata"]["resourceVersion"]}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def pod_word(pod: Manifest) -> str:
    """Return the one word that kubectl prints for a pod's state."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    status = pod.get("status") or {}
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    for container in status.get("containerStatuses", ()):
        state = container["state"]
        found = state.get("waiting", {}).get("reason") or state.get("terminated", {}).get("reason")
        word = str(found or word)
    return word


def _cells(kind: str, manifest: Manifest, now: datetime) -> list[str]:
    if kind == "Pod":
        return _pod_cells(manifest, now)
    if kind == "Event":
        seen = _span((now - moment_of(manifest["lastTimestamp"])).total_seconds())
        about = manifest["involvedObject"]
        return [
            seen,
            manifest["type"],
            manifest["reason"],
            f"{about['kind'].lower()}/{about['name']}",
            manifest["message"],
        ]
    return [name_of(manifest), _age(manifest, now)]


def _pod_cells(pod: Manifest, now: datetime) -> list[str]:
    statuses = (pod.get("status") or {}).get("containerStatuses", ())
    ready = sum(1 for status in statuses if status["ready"])
    restarts = sum(status["restartCount"] for status in statuses)
    ends = [
        status["lastState"]["terminated"]["finishedAt"] for status in statuses if "terminated" in status["lastState"]
    ]
    since = f" ({_span((now - moment_of(max(ends))).total_seconds())} ago)" if ends and restarts else ""
    return [
        name_of(pod),
        f"{ready}/{len(pod['spec']['containers'])}",
        pod_word(pod),
        f"{restarts}{since}",
        _age(pod, now),
    ]


def _age(manifest: Manifest, now: datetime) -> str:
    return _span((now - moment_of(manifest["metadata"]["creationTimestamp"])).total_seconds())


def _span(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * size:
            rest = whole % size // 60 if unit == "h" else whole % size if unit == "m" and whole < 600 else 0
            return f"{whole // size}{unit}" + (f"{rest}{'m' if unit == 'h' else 's'}" if rest else "")
    return f"{whole}s"
